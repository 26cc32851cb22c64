//! `customers [ADDRESS]`: the API of customers on an address of this machine, 127.0.0.1:9000
//! if none is given.

use std::io;
use std::net::TcpListener;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    doorward_examples::customers::serve(&TcpListener::bind(address)?);
    Ok(())
}
