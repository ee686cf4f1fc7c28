//! What was seen to differ between the faces, and the table on the wire beside the one in memory.
//!
//! The rules of the histories look at the table in memory, so each of a function's writes goes into both and must come
//! out alike. What someone else wrote into that one, a person's order, is carried over before the next call.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;

use stateful_asg_aws::Aws;
use stateful_asg_runtime::ports::{Called, Table};
use stateful_asg_sim::typed::SimWorld;

use crate::seam::{at_once, ports};

/// How far the table on the wire has followed, and what differed.
pub(crate) struct Mirror {
    followed: Cell<usize>,
    pub(crate) aws: Aws,
    differences: RefCell<Vec<String>>,
    compared: Cell<u64>,
}

impl Mirror {
    pub(crate) fn new() -> Self {
        Self { followed: Cell::new(0), aws: ports(), differences: RefCell::default(), compared: Cell::new(0) }
    }

    /// What the faces did not agree in.
    pub(crate) fn differences(&self) -> Vec<String> {
        self.differences.borrow().clone()
    }

    /// How many answers were compared.
    pub(crate) fn compared(&self) -> u64 {
        self.compared.get()
    }

    /// Notes it where the faces do not agree: on the answer, or on what a refusal means.
    pub(crate) fn compare<T: PartialEq + Debug>(&self, what: &str, wire: &Called<T>, typed: &Called<T>) {
        self.compared.set(self.compared.get() + 1);
        let alike = match (wire, typed) {
            (Ok(wire), Ok(typed)) => wire == typed,
            (Err(wire), Err(typed)) => wire.kind == typed.kind,
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        if !alike {
            let (wire, typed) = first_difference(&format!("{wire:?}"), &format!("{typed:?}"));
            self.differences.borrow_mut().push(format!("{what}: on the wire …{wire}…, typed …{typed}…"));
        }
    }

    /// A call to both tables at one moment. The answer is the wire's; but where everyone gets the lease, which no real
    /// table does, it is the other's.
    pub(crate) fn both<T: PartialEq + Debug>(
        &self,
        (world, what, about_lease): (&SimWorld, &str, bool),
        wire: impl Future<Output = Called<T>>,
        typed: impl Future<Output = Called<T>>,
    ) -> Called<T> {
        self.follow(world);
        let (wire, typed) = (at_once(wire), at_once(typed));
        self.followed.set(world.region().truth(|_, table| table.log().len()));
        if about_lease && world.region().truth(|_, table| table.leases_off) {
            return typed;
        }
        self.compare(what, &wire, &typed);
        wire
    }

    /// Writes over the wire what others wrote in memory.
    fn follow(&self, world: &SimWorld) {
        let news: Vec<_> = world.region().truth(|_, table| table.log()[self.followed.get()..].to_vec());
        for written in &news {
            at_once(self.aws.write(&written.write)).expect("what was written in memory can be written on the wire");
        }
        self.followed.set(self.followed.get() + news.len());
    }
}

/// Both texts from a little before to a little after they part.
fn first_difference(wire: &str, typed: &str) -> (String, String) {
    let same = wire.chars().zip(typed.chars()).take_while(|(wire, typed)| wire == typed).count();
    let around = |text: &str| text.chars().skip(same.saturating_sub(120)).take(240).collect();
    (around(wire), around(typed))
}
