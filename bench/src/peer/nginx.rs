//! The upstream: nginx, one process, one small JSON answer.

use crate::failure::{Context as _, Failure};
use crate::process::{Running, free_address};
use crate::site::{Site, UPSTREAM_BODY};
use std::net::SocketAddr;
use std::process::Command;

/// A running upstream.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) addr: SocketAddr,
    pub(crate) process: Running,
}

pub(crate) fn start(site: &Site) -> Result<Nginx, Failure> {
    let addr = free_address()?;
    let root = site.file("nginx");
    std::fs::create_dir_all(&root).during("nginx's folder")?;
    let config = site.write("nginx.conf", &config(addr, &root.display().to_string()))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&root).arg("-c").arg(config);
    let process = Running::start_listening(command, &site.file("nginx.log"), addr)?;
    Ok(Nginx { addr, process })
}

/// One process instead of a master with a worker, so that ending it ends all of it.
fn config(addr: SocketAddr, root: &str) -> String {
    format!(
        "daemon off;
master_process off;
pid {root}/pid;
error_log {root}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  server {{
    listen {addr};
    default_type application/json;
    location / {{ return 200 '{UPSTREAM_BODY}'; }}
  }}
}}
"
    )
}
