//! Drives a codec over pieces of input and keeps what came out in a form that can be compared.

use sentinel_core::wire::http::{
    BodyLength, Client, Headers, HttpError, HttpLimits, Method, RequestHead, RequestPart,
    ResponseHead, ResponsePart, Server, StatusCode, Target,
};

/// What a codec understood, with neighbouring body pieces joined: where they are cut is no meaning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event {
    Request(RequestHead),
    Informational(ResponseHead),
    Response(ResponseHead),
    Upgraded(ResponseHead),
    Body(Vec<u8>),
    Trailers(Headers),
    End,
}

/// Everything that came of some input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) error: Option<HttpError>,
    /// Input that the codec left alone. Not compared after an error.
    pub(crate) left: Vec<u8>,
    pub(crate) is_reusable: bool,
}

impl Outcome {
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = |event: &Event| match event {
            Event::Body(bytes) => Some(bytes.clone()),
            _ => None,
        };
        self.events.iter().filter_map(body).flatten().collect()
    }

    pub(crate) fn ends(&self) -> usize {
        self.events.iter().filter(|event| **event == Event::End).count()
    }
}

pub(crate) fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value).unwrap();
    }
    headers
}

pub(crate) fn request(method: Method, target: &str) -> RequestHead {
    let mut head = RequestHead::new(method, Target::new(target).unwrap());
    let host = head.target.authority().unwrap_or("a").to_owned();
    head.headers.append("Host", host).unwrap();
    head
}

/// A client that has sent a request and waits for the response.
pub(crate) fn client_after(head: &RequestHead, limits: HttpLimits) -> Client {
    let mut client = Client::new(limits);
    let mut out = Vec::new();
    client.send_head(head, BodyLength::Empty, &mut out).unwrap();
    client.finish(&mut out).unwrap();
    client
}

/// Feeds the pieces to a client that waits for the response to `head`.
pub(crate) fn read_response<'a>(
    head: &RequestHead,
    limits: HttpLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    is_end: bool,
) -> Outcome {
    let mut client = client_after(head, limits);
    let mut log = Log::default();
    for piece in pieces {
        log.left.extend_from_slice(piece);
        let left = std::mem::take(&mut log.left);
        let mut input = &left[..];
        loop {
            match client.next(&mut input) {
                Ok(Some(part)) => log.add(response_event(part)),
                Ok(None) => break,
                Err(error) => return log.fail(error),
            }
        }
        log.left = input.to_vec();
    }
    let is_reusable = client.is_reusable();
    if is_end {
        match client.end_of_input() {
            Ok(part) => part.into_iter().for_each(|part| log.add(response_event(part))),
            Err(error) => return log.fail(error),
        }
    }
    log.outcome(is_reusable)
}

/// Feeds the pieces to a server that answers each request as soon as it is complete.
pub(crate) fn read_requests<'a>(
    limits: HttpLimits,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    is_end: bool,
) -> Outcome {
    let mut server = Server::new(limits);
    let mut log = Log::default();
    let mut out = Vec::new();
    for piece in pieces {
        log.left.extend_from_slice(piece);
        let left = std::mem::take(&mut log.left);
        let mut input = &left[..];
        loop {
            match server.next(&mut input) {
                Ok(Some(part)) => {
                    let is_complete = part == RequestPart::End;
                    log.add(request_event(part));
                    if is_complete {
                        let head = ResponseHead::new(StatusCode::NOT_FOUND);
                        server.send_head(&head, BodyLength::Empty, &mut out).unwrap();
                    }
                }
                Ok(None) => break,
                Err(error) => return log.fail(error),
            }
        }
        log.left = input.to_vec();
    }
    let is_reusable = server.is_reusable();
    if is_end && let Err(error) = server.end_of_input() {
        return log.fail(error);
    }
    log.outcome(is_reusable)
}

/// Cuts `bytes` into pieces of the given lengths, used again and again; zero-length pieces count.
pub(crate) fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut lengths = lengths.iter().cycle();
    let mut empty_count = 0;
    while !bytes.is_empty() {
        let length = lengths.next().copied().unwrap_or(bytes.len());
        empty_count = if length == 0 { empty_count + 1 } else { 0 };
        let length = if empty_count > 8 { 1 } else { length.min(bytes.len()) };
        let (piece, rest) = bytes.split_at(length);
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn response_event(part: ResponsePart<'_>) -> Event {
    match part {
        ResponsePart::Informational(head) => Event::Informational(head),
        ResponsePart::Head(head) => Event::Response(head),
        ResponsePart::Body(bytes) => Event::Body(bytes.to_vec()),
        ResponsePart::Trailers(trailers) => Event::Trailers(trailers),
        ResponsePart::End => Event::End,
        ResponsePart::Upgraded(head) => Event::Upgraded(head),
    }
}

fn request_event(part: RequestPart<'_>) -> Event {
    match part {
        RequestPart::Head(head) => Event::Request(head),
        RequestPart::Body(bytes) => Event::Body(bytes.to_vec()),
        RequestPart::Trailers(trailers) => Event::Trailers(trailers),
        RequestPart::End => Event::End,
    }
}

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    left: Vec<u8>,
}

impl Log {
    fn add(&mut self, event: Event) {
        match (self.events.last_mut(), event) {
            (_, Event::Body(bytes)) if bytes.is_empty() => panic!("an empty body piece"),
            (Some(Event::Body(before)), Event::Body(bytes)) => before.extend(bytes),
            (_, event) => self.events.push(event),
        }
    }

    fn fail(self, error: HttpError) -> Outcome {
        let (events, left) = (self.events, Vec::new());
        Outcome { events, error: Some(error), left, is_reusable: false }
    }

    fn outcome(self, is_reusable: bool) -> Outcome {
        Outcome { events: self.events, error: None, left: self.left, is_reusable }
    }
}
