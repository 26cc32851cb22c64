//! Running it: starting, refusing to start, reloading, stopping, looking inside.
#![cfg(test)]

mod command;
mod record;
mod running;
mod start;
mod trouble;

use doorward_testkit::{App, Setup};

const ROBOT: &str = "robot@example.com";
const CATALOGUE: &str = "/api/catalog/entities";

fn witboost(site: &str) -> Setup {
    Setup::new(site, doorward_systems::WITBOOST)
}

fn robot(app: &App) -> String {
    app.service_account(ROBOT, &[]);
    app.token("service", ROBOT, &[])
}

fn server_log(app: &App) -> String {
    std::fs::read_to_string(app.artifacts().path("server.log")).unwrap()
}
