//! A client of HTTP/2 that uploads for as long as it likes.

use super::soon;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// A body that takes what the test sends.
pub(crate) struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl futures_util::Stream for Pieces {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// A connection.
pub(crate) struct UploadClient(SendRequest<StreamBody<Pieces>>);

/// A connection from another address of this machine.
pub(crate) async fn connect_from(ip: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{ip}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

impl UploadClient {
    pub(crate) async fn connect(to: SocketAddr, from: &str) -> Self {
        let stream = connect_from(from, to).await;
        let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// The head of the answer, and the rest of the upload, of which one piece was sent.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        authorization: Option<&str>,
    ) -> (Response<Incoming>, mpsc::UnboundedSender<Bytes>) {
        let (upload, pieces) = mpsc::unbounded_channel();
        upload.send(Bytes::from_static(b"piece")).unwrap();
        let mut request = Request::post(format!("http://gate.test{path}"));
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(StreamBody::new(Pieces(pieces))).unwrap();
        (soon(self.0.send_request(request)).await.unwrap(), upload)
    }
}
