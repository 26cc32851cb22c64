//! HAProxy in front of the nodes, as an operator runs it: it asks each node's operations
//! listener whether it is ready. Not here: the nodes.

use crate::plant::{Plant, must};
use doorward_testkit::{App, service, wait};
use std::fmt::Write as _;
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// A running HAProxy. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Balancer {
    child: Child,
    addr: SocketAddr,
}

/// Checks are more frequent than an operator's, as nodes here drain for a second.
const CONFIG: &str = "\
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
  retries 3
  option redispatch
frontend front
  bind ADDR
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /readyz
  default-server check inter 100ms fall 1 rise 1
";

impl Balancer {
    /// Starts one over all nodes of the plant, in the folder of its first.
    pub(super) fn start(plant: &Plant) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], service::free_port()));
        let mut config = CONFIG.replace("ADDR", &addr.to_string());
        for (number, node) in plant.nodes().iter().enumerate() {
            let (at, ops) = (node.addr(), node.ops().port());
            let _ = writeln!(config, "  server node{number} {at} port {ops}");
        }
        let artifacts = plant.nodes().first().map(App::artifacts);
        let artifacts = must("find a folder", artifacts.ok_or("there is no node"));
        let path = artifacts.write("haproxy.cfg", &config);
        let log = must("make a log", File::create(artifacts.path("haproxy.log")));
        let child = Command::new("haproxy")
            .arg("-f")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        let child = must("start haproxy (cargo xtask setup)", child);
        wait::until("haproxy", wait::PATIENCE, || TcpStream::connect(addr).ok());
        Self { child, addr }
    }

    /// Where it listens.
    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
