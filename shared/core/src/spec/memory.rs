//! What texts were read as lately: a group's spec is read again by every plan, and by the second opinion on it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::thread::LocalKey;

/// How many texts are remembered: an edit is held against the one before, on a few groups a function's process.
const TEXTS: usize = 8;

/// Texts and what was made of them, the newest first.
pub(super) type Lately<T> = RefCell<VecDeque<(String, T)>>;

/// What `read` makes of `text`, or made of it lately: `read` must depend on nothing else.
pub(super) fn recall<T: Clone>(lately: &'static LocalKey<Lately<T>>, text: &str, read: impl FnOnce(&str) -> T) -> T {
    let known =
        lately.with_borrow(|lately| lately.iter().find(|(known, _)| known == text).map(|(_, read)| read.clone()));
    known.unwrap_or_else(|| {
        let verdict = read(text);
        lately.with_borrow_mut(|lately| {
            lately.truncate(TEXTS - 1);
            lately.push_front((text.to_owned(), verdict.clone()));
        });
        verdict
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::spec::{Parsed, Problems, Spec};

    thread_local! {
        static LATELY: Lately<Result<Parsed, Problems>> = const { RefCell::new(VecDeque::new()) };
    }

    #[test]
    fn a_text_is_read_once_and_each_text_as_itself() {
        let reads = Cell::new(0);
        let ask = |text: &str| {
            recall(&LATELY, text, |text| {
                reads.set(reads.get() + 1);
                Spec::read(text)
            })
        };
        let (good, bad) = (r#"{"dns": null}"#, "{");
        let (first, second) = (ask(good), ask(bad));
        assert_ne!(first, second);
        assert_eq!((ask(good), ask(bad)), (first.clone(), second));
        assert_eq!(reads.get(), 2, "what is remembered is not read again");
        for number in 0..TEXTS {
            let _ = ask(&number.to_string());
        }
        assert_eq!(ask(good), first);
        assert_eq!(reads.get(), 3 + TEXTS, "what was not asked for lately is forgotten");
    }
}
