//! What a process costs without work: memory and the time to its first answer. Not
//! here: the cost of requests (`row`).

use crate::doorward::{Installation, Shape, Wanted};
use crate::failure::Failure;
use crate::farm::Farm;
use crate::meter;
use crate::option::Options;
use crate::peer::haproxy;
use crate::site::Site;
use crate::start::first_answer;
use std::path::Path;

/// The figures; those of the binary are missing when only peers are measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Memory after the start, MiB.
    pub(crate) idle: Option<f64>,
    /// Memory after the start with 1,000 realms, MiB.
    pub(crate) idle_realms: Option<f64>,
    /// Memory after all load, MiB.
    pub(crate) loaded: Option<f64>,
    /// Start to first answer, ms.
    pub(crate) start: Option<f64>,
    pub(crate) haproxy_idle: f64,
    pub(crate) haproxy_loaded: f64,
    pub(crate) haproxy_start: f64,
}

/// Measures them after the rows, when everyone has seen all load.
pub(crate) fn measure(
    farm: Farm,
    site: &Site,
    options: &Options,
    binary: Option<&Path>,
) -> Result<Figures, Failure> {
    let upstream = farm.nginx.addr;
    let mut figures = Figures {
        haproxy_idle: farm.haproxy_idle,
        haproxy_loaded: meter::resident_mib(farm.haproxy.process.pid())?,
        ..Figures::default()
    };
    drop(farm.haproxy.process);
    let config = site.file("haproxy.cfg");
    let log = site.file("start.log");
    let command = || haproxy::command(&config);
    figures.haproxy_start = first_answer(&command, farm.haproxy.plain, "/", &log, options.starts)?;
    let (Some(ours), Some(binary)) = (farm.ours, binary) else {
        return Ok(figures);
    };
    figures.idle = Some(ours.idle);
    figures.loaded = Some(meter::resident_mib(ours.process.pid())?);
    drop(ours.process);
    let command = || ours.whole.serve();
    let addr = ours.whole.addr;
    figures.start = Some(first_answer(
        &command,
        addr,
        "/healthz",
        &log,
        options.starts,
    )?);
    let wanted = Wanted::new(
        "realms",
        Shape::Realms {
            realms: 1000,
            routes: 0,
        },
    );
    let realms = Installation::write(site, binary, &wanted, upstream)?;
    // The first start makes a signing key for each.
    drop(realms.start()?);
    figures.idle_realms = Some(meter::resident_mib(realms.start()?.pid())?);
    Ok(figures)
}
