//! The server's end of a connection.

use alloc::vec::Vec;
use core::fmt;

use super::body::{BodyDecoder, BodyPart};
use super::encode::{self, Announce, AnnouncedBody, BodyEncoder};
use super::error::{HttpError, HttpErrorKind};
use super::framing::{self, Answers, Framing, Opening};
use super::head::{HeadParser, RequestLine};
use super::headers::Headers;
use super::limits::HttpLimits;
use super::message::{BodyLength, RequestHead, ResponseHead, Version};
use super::status::StatusCode;

/// Reads requests and writes their responses, one exchange at a time.
///
/// The methods come in two groups that may be mixed as receiving and sending happen to mix:
///
/// - [`next`](Self::next) takes what came from the client, until it returns nothing;
///   [`end_of_input`](Self::end_of_input) says that no more will come.
/// - [`send_head`](Self::send_head), [`send_body`](Self::send_body) any number of times, and
///   [`finish`](Self::finish) append to a buffer the bytes that go to the client.
///   [`send_informational`](Self::send_informational) may come first, [`upgrade`](Self::upgrade) or
///   [`refuse`](Self::refuse) may take their place.
///
/// A client may send its next request before it has the response to the last (pipelining). Those
/// bytes stay in the input until request and response of the current exchange are both complete.
pub struct Server {
    limits: HttpLimits,
    receiving: Receiving,
    sending: BodyEncoder,
    request: Request,
    is_persistent: bool,
}

/// What [`Server::next`] understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestPart<'a> {
    /// The head of a request. Its body and [`End`](Self::End) follow.
    Head(RequestHead),
    /// A piece of the body, never empty.
    Body(&'a [u8]),
    /// Fields after a chunked body, never empty.
    Trailers(Headers),
    /// The request is complete.
    End,
}

/// What must be remembered of a request to write its response.
struct Request {
    answers: Answers,
    version: Version,
    /// The `Upgrade` fields with what was asked for; none from HTTP/1.0, which cannot ask
    /// (RFC 9110 §7.8).
    upgrade: Headers,
    /// `100-continue` was asked for, was not answered, and no body came without it.
    expects_continue: bool,
}

impl Request {
    /// What is assumed of a request that could not be read.
    const UNKNOWN: Self = Self {
        answers: Answers::Other,
        // Chunks would be lost on a 1.0 client; closing is understood by all.
        version: Version::Http10,
        upgrade: Headers::new(),
        expects_continue: false,
    };
}

enum Receiving {
    Head(HeadParser<RequestLine>),
    Body(BodyDecoder),
    /// The request was read; the response is not finished.
    Complete,
    Upgraded,
    Closed,
    Failed(HttpError),
}

impl Server {
    /// A new connection on which nothing was received.
    pub const fn new(limits: HttpLimits) -> Self {
        Self {
            limits,
            receiving: Receiving::Head(HeadParser::new()),
            sending: BodyEncoder::Idle,
            request: Request::UNKNOWN,
            is_persistent: true,
        }
    }

    /// Makes the current exchange the last, or the next one if none has begun: the head of its
    /// response will say `Connection: close`.
    pub fn announce_close(&mut self) {
        self.is_persistent = false;
    }

    /// Takes bytes from the front of `input` and says what they mean.
    ///
    /// Call it until it returns `None`. Input that is left then belongs to the next request, which
    /// is read once the response to the current one is finished; or to another protocol after an
    /// upgrade; or to nobody, when the connection is about to close.
    ///
    /// # Errors
    /// Everything a client may do wrong; see [`HttpErrorKind`]. An error is final: the same error
    /// comes again, and how much of the input was taken is not specified. [`refuse`](Self::refuse)
    /// answers it.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<RequestPart<'a>>, HttpError> {
        let part = self.read(input);
        if let Err(error) = part {
            self.receiving = Receiving::Failed(error);
            self.is_persistent = false;
        }
        part
    }

    fn read<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<RequestPart<'a>>, HttpError> {
        if matches!(self.receiving, Receiving::Complete) && self.sending.is_finished() {
            self.begin_exchange();
        }
        match &mut self.receiving {
            Receiving::Failed(error) => Err(*error),
            Receiving::Complete | Receiving::Upgraded | Receiving::Closed => Ok(None),
            Receiving::Head(parser) => {
                let Some(parsed) = parser.next(input, &self.limits)? else {
                    return Ok(None);
                };
                self.read_head(&parsed.head, parsed.length)
                    .map_err(|error| error.after(parsed.skipped))?;
                Ok(Some(RequestPart::Head(parsed.head)))
            }
            Receiving::Body(decoder) => {
                let part = decoder.next(input, &self.limits)?;
                if part.is_some() {
                    self.request.expects_continue = false;
                }
                Ok(match part {
                    None => None,
                    Some(BodyPart::Data(data)) => Some(RequestPart::Body(data)),
                    Some(BodyPart::Trailers(trailers)) => Some(RequestPart::Trailers(trailers)),
                    Some(BodyPart::End) => {
                        self.receiving = Receiving::Complete;
                        Some(RequestPart::End)
                    }
                })
            }
        }
    }

    fn begin_exchange(&mut self) {
        if self.is_persistent {
            self.receiving = Receiving::Head(HeadParser::new());
            self.sending = BodyEncoder::Idle;
            self.request = Request::UNKNOWN;
        } else {
            self.receiving = Receiving::Closed;
        }
    }

    fn read_head(&mut self, head: &RequestHead, length: u64) -> Result<(), HttpError> {
        // Known first, so that an answer to a head that is refused below has the right form.
        self.request.version = head.version;
        self.request.answers = Answers::to(&head.method);
        head.check_host(head.version == Version::Http11)?;
        let opening = Opening::Request { method: &head.method };
        let framing = framing::framing(opening, head.version, &head.headers)?;
        let expects_continue = expects_continue(head)?;
        let body = BodyDecoder::new(framing, length, &self.limits)?;
        // Without the connection option, the field was meant for another hop: a proxy that does not
        // know it has passed it on (RFC 9110 §7.8).
        if head.version == Version::Http11 && head.headers.lists("connection", "upgrade") {
            for value in head.headers.all("upgrade") {
                self.request.upgrade.append("upgrade", value)?;
            }
        }
        self.request.expects_continue = expects_continue && framing != Framing::Empty;
        self.is_persistent &= framing::is_persistent(head.version, &head.headers);
        self.receiving = Receiving::Body(body);
        Ok(())
    }

    /// Says that the client has ended its side of the connection.
    ///
    /// A client may end its side after a request and still wait for the response, which can be sent
    /// as usual. Call it after [`next`](Self::next) returned `None` and left no input.
    ///
    /// # Errors
    /// [`HttpErrorKind::Truncated`] inside a request.
    pub fn end_of_input(&mut self) -> Result<(), HttpError> {
        self.is_persistent = false;
        let position = match &self.receiving {
            Receiving::Failed(error) => return Err(*error),
            Receiving::Complete | Receiving::Upgraded | Receiving::Closed => return Ok(()),
            Receiving::Head(parser) if parser.is_untouched() => {
                self.receiving = Receiving::Closed;
                return Ok(());
            }
            Receiving::Head(parser) => parser.position(),
            // Only the word that it is complete was not taken yet.
            Receiving::Body(body) if body.is_complete() => return Ok(()),
            Receiving::Body(body) => body.position(),
        };
        let error = HttpError::truncated(HttpErrorKind::Truncated, position);
        self.receiving = Receiving::Failed(error);
        Err(error)
    }

    /// Whether the client waits for `100 Continue` before it sends its body. Answer with
    /// [`send_informational`](Self::send_informational), or with a final response, which then
    /// closes the connection: the client may or may not send the body it announced (RFC 9110
    /// §10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.request.expects_continue
    }

    /// Appends a response before the response to `out`: 1xx, but not 101.
    ///
    /// # Errors
    /// [`HttpErrorKind::StatusNotForUse`], [`HttpErrorKind::InformationalToHttp10`],
    /// [`HttpErrorKind::NothingToSend`] without a request, [`HttpErrorKind::ExchangeInProgress`]
    /// after the head of the final response, [`HttpErrorKind::FramingFieldByHand`].
    pub fn send_informational(
        &mut self,
        head: &ResponseHead,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        self.check_head(head)?;
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(HttpError::misuse(HttpErrorKind::StatusNotForUse));
        }
        if self.request.version == Version::Http10 {
            return Err(HttpError::misuse(HttpErrorKind::InformationalToHttp10));
        }
        if head.status == StatusCode::CONTINUE {
            self.request.expects_continue = false;
        }
        let announce = Announce { body: AnnouncedBody::Nothing, connection: None };
        encode::response_head(head, announce, out);
        Ok(())
    }

    /// Appends the head of the final response to `out`.
    ///
    /// Framing and connection fields are added here. In answer to HEAD and with status 304, the
    /// body that follows is taken and not sent, so that a handler need not know. After an error of
    /// [`next`](Self::next) the response closes the connection.
    ///
    /// # Errors
    /// [`HttpErrorKind::NothingToSend`] without a request, [`HttpErrorKind::ExchangeInProgress`]
    /// after another head, [`HttpErrorKind::StatusNotForUse`] for 1xx and for 2xx to CONNECT (see
    /// [`upgrade`](Self::upgrade)), [`HttpErrorKind::BodyNotAllowed`] for 204 and 205 with a body,
    /// [`HttpErrorKind::FramingFieldByHand`]. Nothing is written then.
    pub fn send_head(
        &mut self,
        head: &ResponseHead,
        body: BodyLength,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        self.check_head(head)?;
        let is_tunnel = self.request.answers == Answers::Connect && head.status.is_success();
        if head.status.is_informational() || is_tunnel {
            return Err(HttpError::misuse(HttpErrorKind::StatusNotForUse));
        }
        let is_empty_by_status = matches!(head.status.as_u16(), 204 | 205);
        if is_empty_by_status && body != BodyLength::Empty {
            return Err(HttpError::misuse(HttpErrorKind::BodyNotAllowed));
        }

        let framing = match body {
            BodyLength::Streamed if self.request.version == Version::Http10 => Framing::UntilClose,
            _ => encode::framing_of(body),
        };
        let is_dropped =
            self.request.answers == Answers::Head || head.status == StatusCode::NOT_MODIFIED;
        let announced = match framing {
            Framing::Exact(length) => AnnouncedBody::Length(length),
            Framing::Chunked => AnnouncedBody::Chunked,
            // RFC 9110 §8.6: never with 204. To HEAD and with 304, zero would be a claim about the
            // body that GET would have had.
            Framing::Empty if is_dropped || head.status == StatusCode::NO_CONTENT => {
                AnnouncedBody::Nothing
            }
            Framing::Empty => AnnouncedBody::Length(0),
            Framing::UntilClose => AnnouncedBody::Nothing,
        };
        self.sending = match framing {
            Framing::Empty => BodyEncoder::Finished,
            _ if is_dropped => BodyEncoder::Discard,
            _ => BodyEncoder::new(framing),
        };
        if self.sending == BodyEncoder::UntilClose || self.request.expects_continue {
            self.is_persistent = false;
        }
        let announce = Announce { body: announced, connection: self.connection_option() };
        encode::response_head(head, announce, out);
        Ok(())
    }

    /// Appends a piece of the response's body to `out`. An empty piece changes nothing.
    ///
    /// # Errors
    /// [`HttpErrorKind::MoreThanDeclared`], [`HttpErrorKind::NothingToSend`]. Nothing is written
    /// then.
    pub fn send_body(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.sending.write(piece, out)
    }

    /// Ends the response. May be left out after [`BodyLength::Empty`].
    ///
    /// # Errors
    /// [`HttpErrorKind::FewerThanDeclared`], [`HttpErrorKind::NothingToSend`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.finish_with_trailers(&Headers::new(), out)
    }

    /// Ends a streamed response with fields after its body.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); [`HttpErrorKind::TrailersNotChunked`] (also to HTTP/1.0
    /// clients) and [`HttpErrorKind::ForbiddenTrailer`].
    pub fn finish_with_trailers(
        &mut self,
        trailers: &Headers,
        out: &mut Vec<u8>,
    ) -> Result<(), HttpError> {
        self.sending.finish(trailers, out)
    }

    /// Appends the head that hands the connection to another protocol: 101 with an `Upgrade` field
    /// that names what the client asked for, or 2xx to CONNECT. From then on
    /// [`next`](Self::next) takes no input.
    ///
    /// # Errors
    /// [`HttpErrorKind::ExchangeInProgress`] unless the request was read to its
    /// [`End`](RequestPart::End), [`HttpErrorKind::UnexpectedUpgrade`] for what was not asked,
    /// [`HttpErrorKind::StatusNotForUse`] for another status, and as
    /// [`send_head`](Self::send_head).
    pub fn upgrade(&mut self, head: &ResponseHead, out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.check_head(head)?;
        if !matches!(self.receiving, Receiving::Complete) {
            return Err(HttpError::misuse(HttpErrorKind::ExchangeInProgress));
        }
        let is_tunnel = self.request.answers == Answers::Connect && head.status.is_success();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            let mut protocols = head.headers.members("upgrade").peekable();
            let is_asked = |protocol: &[u8]| {
                let mut asked = self.request.upgrade.members("upgrade");
                asked.any(|other| other.eq_ignore_ascii_case(protocol))
            };
            if protocols.peek().is_none() || !protocols.all(is_asked) {
                return Err(HttpError::misuse(HttpErrorKind::UnexpectedUpgrade));
            }
        } else if !is_tunnel {
            return Err(HttpError::misuse(HttpErrorKind::StatusNotForUse));
        }
        let announce = Announce { body: AnnouncedBody::Nothing, connection: None };
        encode::response_head(head, announce, out);
        self.receiving = Receiving::Upgraded;
        self.sending = BodyEncoder::Finished;
        self.is_persistent = false;
        Ok(())
    }

    /// Appends a complete answer to an error of [`next`](Self::next), which closes the connection.
    ///
    /// # Errors
    /// [`HttpErrorKind::ExchangeInProgress`] when the head of a response has been written already:
    /// then the connection can only be closed.
    pub fn refuse(&mut self, error: HttpError, out: &mut Vec<u8>) -> Result<(), HttpError> {
        self.is_persistent = false;
        self.send_head(&ResponseHead::new(error.status()), BodyLength::Empty, out)
    }

    /// Whether the current exchange is over and another may follow, or none has begun and one may.
    pub fn is_reusable(&self) -> bool {
        let is_over = match self.receiving {
            Receiving::Head(_) => true,
            Receiving::Complete => self.sending.is_finished(),
            _ => false,
        };
        is_over && self.is_persistent
    }

    /// Whether the last response is finished and the connection should be closed.
    ///
    /// Close it for writing first, and read on for a while: a client that is still sending could
    /// lose the response to a reset (RFC 9112 §9.6).
    pub fn wants_close(&self) -> bool {
        match self.receiving {
            Receiving::Upgraded => false,
            Receiving::Closed => true,
            _ => self.sending.is_finished() && !self.is_persistent,
        }
    }

    /// Whether the connection belongs to another protocol now.
    pub fn is_upgraded(&self) -> bool {
        matches!(self.receiving, Receiving::Upgraded)
    }

    /// What must hold before any head is written.
    fn check_head(&self, head: &ResponseHead) -> Result<(), HttpError> {
        head.headers.check_written_by_caller()?;
        match self.receiving {
            Receiving::Head(_) | Receiving::Closed => {
                Err(HttpError::misuse(HttpErrorKind::NothingToSend))
            }
            Receiving::Upgraded => Err(HttpError::misuse(HttpErrorKind::NotReusable)),
            _ if !self.sending.is_idle() => {
                Err(HttpError::misuse(HttpErrorKind::ExchangeInProgress))
            }
            _ => Ok(()),
        }
    }

    fn connection_option(&self) -> Option<&'static str> {
        match (self.is_persistent, self.request.version) {
            (false, _) => Some("close"),
            (true, Version::Http10) => Some("keep-alive"),
            (true, Version::Http11) => None,
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receiving = match &self.receiving {
            Receiving::Head(_) => "head",
            Receiving::Body(_) => "body",
            Receiving::Complete => "complete",
            Receiving::Upgraded => "upgraded",
            Receiving::Closed => "closed",
            Receiving::Failed(_) => "failed",
        };
        // Half a head may hold half a secret, so no bytes are shown.
        formatter
            .debug_struct("Server")
            .field("receiving", &receiving)
            .field("sending", &self.sending)
            .field("is_reusable", &self.is_reusable())
            .finish_non_exhaustive()
    }
}

/// RFC 9110 §10.1.1: `100-continue` is the only expectation; HTTP/1.0 has none.
fn expects_continue(head: &RequestHead) -> Result<bool, HttpError> {
    if head.version == Version::Http10 {
        return Ok(false);
    }
    let mut is_expected = false;
    for (value, offset) in head.headers.located("expect") {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(HttpError::peer(HttpErrorKind::UnsupportedExpectation, offset));
        }
        is_expected = true;
    }
    Ok(is_expected)
}
