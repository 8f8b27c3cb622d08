//! The report's page, looked at as people look at it: in a browser, by day and by night, and on paper.
//!
//! [`fixture`] makes reports of runs that did not take place, with all kinds of sources and with hostile words;
//! [`browser`] is the browser, and [`table`] what it shows of the results.

pub mod browser;
pub mod fixture;
pub mod run;
pub mod table;
