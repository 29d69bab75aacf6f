//! A model server of our own: it answers with as many words as it is told to, at a pace or as fast
//! as they are taken.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{self, Request, Stream};

/// How it answers everybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Words in one answer, before the last.
    pub(crate) words_count: u64,
    /// Words in one write.
    pub(crate) words_at_once: u64,
    /// Between two writes.
    pub(crate) pause: Duration,
    /// Before the last word.
    pub(crate) last_pause: Duration,
}

/// The server.
pub(crate) struct Model {
    pub(crate) port: u16,
    words: Arc<AtomicU64>,
}

/// An answer that was written to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Its last word, which no other answer has.
    pub(crate) last_word: String,
    /// When its last bytes were about to be written.
    pub(crate) at: Instant,
}

impl Model {
    pub(crate) fn start(manner: Manner) -> io::Result<(Self, Receiver<Answered>)> {
        let words = Arc::new(AtomicU64::new(0));
        let (tell, answered) = channel();
        let (counted, tell, number) = (words.clone(), Mutex::new(tell), AtomicU64::new(0));
        let answer = move |stream: &mut dyn Stream, _: Request| {
            let tell = tell.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let number = number.fetch_add(1, Ordering::Relaxed);
            write(stream, manner, number, &counted, &tell)
        };
        let port = http::serve(None, Arc::new(answer))?;
        Ok((Self { port, words }, answered))
    }

    /// Words that were written so far, by all answers.
    pub(crate) fn words_count(&self) -> u64 {
        self.words.load(Ordering::Relaxed)
    }
}

fn write(
    stream: &mut dyn Stream,
    manner: Manner,
    number: u64,
    counted: &AtomicU64,
    tell: &Sender<Answered>,
) -> io::Result<bool> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    let mut some = Vec::new();
    for _ in 0..manner.words_at_once {
        event(&mut some, r#"{"content":"word "}"#, "null")?;
    }
    let mut left = manner.words_count;
    while left > 0 {
        stream.write_all(&some)?;
        counted.fetch_add(manner.words_at_once, Ordering::Relaxed);
        left = left.saturating_sub(manner.words_at_once);
        thread::sleep(manner.pause);
    }
    thread::sleep(manner.last_pause);
    let last_word = format!("end-{number}-");
    let mut last = Vec::new();
    event(&mut last, &format!(r#"{{"content":"{last_word}"}}"#), "null")?;
    event(&mut last, "{}", r#""stop""#)?;
    chunk(&mut last, b"data: [DONE]\n\n")?;
    last.extend_from_slice(b"0\r\n\r\n");
    let at = Instant::now();
    stream.write_all(&last)?;
    // Whoever measures may have seen enough.
    let _ = tell.send(Answered { last_word, at });
    Ok(true)
}

/// One event as OpenAI writes it, in a chunk of its own.
fn event(out: &mut Vec<u8>, delta: &str, finish: &str) -> io::Result<()> {
    let text = format!(
        "data: {{\"id\":\"chatcmpl-Axyz\",\"object\":\"chat.completion.chunk\",\
         \"created\":1750000000,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{delta},\
         \"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
    );
    chunk(out, text.as_bytes())
}

fn chunk(out: &mut Vec<u8>, bytes: &[u8]) -> io::Result<()> {
    write!(out, "{:x}\r\n", bytes.len())?;
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    Ok(())
}
