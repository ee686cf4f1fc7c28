//! A small XML tree, written and read with quick-xml: the answers of EC2, Auto Scaling and Route 53,
//! and Route 53's request bodies.

use std::fmt::Display;

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// The deepest body that is read.
const DEEPEST: usize = 32;

/// One XML element: its name, its text or its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    namespace: Option<&'static str>,
    text: String,
    children: Vec<Element>,
}

/// The body is no XML that we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request body is not well-formed XML: {0}")]
pub struct MalformedXml(String);

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), namespace: None, text: String::new(), children: Vec::new() }
    }

    /// The same element in a default namespace.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// The same element under another name.
    #[must_use]
    pub fn renamed(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The same element with this child at its end.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// The same element with these children at its end.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// The same element with a child that holds only text.
    #[must_use]
    pub fn field(self, name: &str, value: impl Display) -> Self {
        let mut leaf = Self::new(name);
        leaf.text = value.to_string();
        self.child(leaf)
    }

    /// As [`field`](Self::field), and nothing for `None`.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// The same element with a list: `name`, holding each of `items` renamed to `item`.
    #[must_use]
    pub fn list(self, name: &str, item: &str, items: impl IntoIterator<Item = Element>) -> Self {
        self.child(Self::new(name).children(items.into_iter().map(|entry| entry.renamed(item))))
    }

    /// The same element with a list of texts: `name`, holding one `item` for each.
    #[must_use]
    pub fn texts<T: Display>(self, name: &str, item: &str, texts: impl IntoIterator<Item = T>) -> Self {
        let list = texts.into_iter().fold(Self::new(name), |list, text| list.field(item, text));
        self.child(list)
    }

    /// The element's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first child of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name.
    #[must_use]
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).map(|child| child.text.as_str())
    }

    /// The whole document, with its declaration.
    #[must_use]
    pub fn render(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        let written = writer
            .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
            .and_then(|()| self.write(&mut writer));
        written.expect("writing to memory does not fail");
        String::from_utf8(writer.into_inner()).expect("only text was written")
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut start = BytesStart::new(self.name.as_str());
        if let Some(namespace) = self.namespace {
            start.push_attribute(("xmlns", namespace));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        for child in &self.children {
            child.write(writer)?;
        }
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }

    /// Reads a document; attributes, comments and namespaces are not kept.
    pub fn parse(document: &str) -> Result<Self, MalformedXml> {
        let mut reader = Reader::from_str(document);
        let mut open = vec![Self::new("")];
        loop {
            match reader.read_event().map_err(malformed)? {
                Event::Start(start) if open.len() > DEEPEST => {
                    return Err(malformed(format!("<{}> is nested deeper than {DEEPEST}", local_name(&start))));
                }
                Event::Start(start) => open.push(Self::new(local_name(&start))),
                Event::Empty(start) => innermost(&mut open).children.push(Self::new(local_name(&start))),
                Event::End(_) => {
                    let closed = open.pop().ok_or_else(|| malformed("an element ends that did not start"))?;
                    innermost(&mut open).children.push(closed.settled());
                }
                Event::Text(text) => innermost(&mut open).text.push_str(&text.xml10_content()),
                Event::CData(text) => innermost(&mut open).text.push_str(&text.xml10_content()),
                Event::GeneralRef(entity) => innermost(&mut open).text.push_str(&resolved(&entity)?),
                Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut root), true) if root.children.len() == 1 => Ok(root.children.remove(0)),
            _ => Err(malformed("there is not exactly one complete element")),
        }
    }

    /// White space between children is layout, not text.
    fn settled(mut self) -> Self {
        if !self.children.is_empty() {
            self.text.clear();
        }
        self
    }
}

fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the reader refuses an end without a start")
}

fn local_name(start: &BytesStart<'_>) -> String {
    let name = start.local_name();
    let name: &str = name.as_ref();
    name.to_owned()
}

fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> Result<String, MalformedXml> {
    if let Some(character) = entity.resolve_char_ref().map_err(malformed)? {
        return Ok(character.to_string());
    }
    let name = entity.xml10_content();
    quick_xml::escape::resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| malformed(format!("&{name}; is not known")))
}

fn malformed(reason: impl Display) -> MalformedXml {
    MalformedXml(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let tree = Element::new("Answer")
            .field("text", "a < b & \"c\" — ü")
            .maybe("absent", None::<u32>)
            .texts("names", "item", ["x", "y"])
            .list("set", "item", [Element::new("ignored").field("n", 1)])
            .child(Element::new("empty"));
        let written = tree.render();
        assert!(
            written.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Answer><text>a &lt; b &amp;"),
            "{written}"
        );
        assert!(!written.contains("absent"));
        assert_eq!(Element::parse(&written), Ok(tree));
    }

    #[test]
    fn a_body_as_an_sdk_sends_it_is_read() {
        let body = "<?xml version=\"1.0\"?>\n<R xmlns=\"https://route53\">\n  <Name>&#92;052.a.&amp;b.</Name><!-- x --><None/>\n <V>1</V><V><![CDATA[<2>]]></V></R>";
        let read = Element::parse(body).unwrap();
        assert_eq!(read.name(), "R");
        assert_eq!(read.text_of("Name"), Some("\\052.a.&b."));
        assert_eq!(read.all("V").map(|v| v.text.as_str()).collect::<Vec<_>>(), ["1", "<2>"]);
        assert_eq!(read.text_of("None"), Some(""));
    }

    #[test]
    fn what_is_not_xml_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        for body in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&nonsense;</a>", deep.as_str()] {
            assert!(Element::parse(body).is_err(), "{}", &body[..body.len().min(20)]);
        }
    }
}
