//! The SDK's way to a simulated world in this process: no socket, no thread, no time of its own.
//!
//! The SDK wants a connection that may be sent between threads, and a world is of one thread. So the connection holds
//! nothing but a name, and finds the world by the thread that it is used on.

use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use futures::FutureExt;
use stateful_asg_aws::{Aws, Carried, Carrier, Pace, Reply, Request, Settings, connect_by};
use stateful_asg_sim::typed::Region;
use stateful_asg_sim::wire::Sent;
use stateful_asg_sim::wire::dynamo::Dynamo;

pub(crate) const TABLE: &str = "table";

/// A world as it is reached over the wire.
#[derive(Clone)]
pub(crate) struct Wired {
    pub(crate) region: Rc<Region>,
    pub(crate) dynamo: Dynamo,
}

thread_local! {
    static WORLD: RefCell<Option<Wired>> = const { RefCell::new(None) };
    static CALLER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Has this thread's connections lead to this world from now on, with an empty table.
pub(crate) fn lead_to(region: &Rc<Region>) -> Wired {
    let (origin, started) = (region.now(), tokio::time::Instant::now());
    let dynamo = Dynamo::start_with(move || origin + started.elapsed()).unwrap();
    dynamo.create_functions_table(TABLE).unwrap();
    let wired = Wired { region: Rc::clone(region), dynamo };
    WORLD.set(Some(wired.clone()));
    wired
}

/// The ports over the wire.
pub(crate) fn ports() -> Aws {
    let settings = Settings { table: TABLE.to_owned(), event_bus: "default".to_owned(), sim_clock: None };
    connect_by(&settings, Arc::new(Seam), Pace::AtOnce)
}

/// How often a call may say that it is not done yet: those made of many calls let others have a turn now and then.
const TURNS: usize = 1_000;

/// What a call over the wire comes to. Nothing in it waits for anything, so it is done as soon as it was looked at.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> T {
    let mut call = Box::pin(tokio::task::unconstrained(call));
    let done = (0..TURNS).find_map(|_| call.as_mut().now_or_never());
    done.expect("a call over the wire waited for something")
}

/// As `at_once`, under this name in the log of effects.
pub(crate) fn as_actor<T>(name: &str, call: impl Future<Output = T>) -> T {
    CALLER.set(name.to_owned());
    let done = at_once(call);
    CALLER.take();
    done
}

#[derive(Debug)]
struct Seam;

fn world() -> Wired {
    WORLD.with_borrow(Clone::clone).expect("`lead_to` comes first")
}

impl Carrier for Seam {
    fn carry(&self, request: Request) -> Carried {
        let Wired { region, dynamo } = world();
        let sent = Sent {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            authorization: request.header("authorization"),
            target: request.header("x-amz-target"),
            content_type: request.header("content-type"),
            body: &request.body,
        };
        let answer = CALLER.with_borrow(|caller| region.exchange(caller, &dynamo, &sent));
        Box::pin(ready(Ok(Reply { status: answer.status, body: answer.body })))
    }

    fn now(&self) -> SystemTime {
        SystemTime::from(world().region.now())
    }
}
