//! The harness of the campaigns: groups under a simulated AWS, operators, faults, and the rules that must hold.

pub mod actors;
pub mod adopt;
pub mod bus;
pub mod campaign;
pub mod classes;
pub mod compare;
pub mod coverage;
pub mod deed;
pub mod ends;
pub mod group;
pub mod history;
pub mod lab;
mod meddling;
pub mod operator;
pub mod rules;
pub mod script;
pub mod served;
pub mod small;
pub mod storage;
pub mod wish;
mod without;
