//! Figures for a monitor: what the core counts, and what only this shell sees.
//!
//! # Invariants
//! - Counting costs an addition; a page is written when somebody asks for it, and not before.
//! - A page names platforms, models and tools, and nobody who talks with the agent.
//!
//! # Not here
//! What the core counts: [`sentinel_core::runtime::Figures`].

mod exposition;
mod histogram;
mod process;
mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sentinel_core::order::Map;
use sentinel_core::runtime::Sentinel;
use sentinel_core::time::Timestamp;

use self::exposition::Exposition;
pub(crate) use self::histogram::Histogram;
use self::process::Process;
pub(crate) use self::server::{Page, Server};

/// What this shell counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    since: Timestamp,
    process: Process,
    pub(crate) journal: Arc<JournalFigures>,
    rounds: Histogram,
    platforms: Map<&'static str, PlatformFigures>,
    poll_errors_count: u64,
}

/// What the journal's thread counts.
#[derive(Debug, Default)]
pub(crate) struct JournalFigures {
    pub(crate) syncs: Histogram,
    bytes: AtomicU64,
    failures: AtomicU64,
}

impl JournalFigures {
    /// Bytes were made safe, or were not, in this time.
    pub(crate) fn wrote(&self, bytes: usize, time: Duration, is_safe: bool) {
        self.syncs.add(time);
        match is_safe {
            true => self.bytes.fetch_add(bytes as u64, Ordering::Relaxed),
            false => self.failures.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// What happened on a platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PlatformFigures {
    received: u64,
    sent: u64,
    edited: u64,
    failed: u64,
    connections: u64,
    call_failures: u64,
}

/// Something that happened on a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    Received,
    Sent,
    Edited,
    PostFailed,
    /// A WebSocket is opened, for the first time or again.
    Connecting,
    /// A request to the platform broke or was refused.
    CallFailed,
}

impl Metrics {
    /// Begins to count. To be called before the process confines itself.
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            since,
            process: Process::new(),
            journal: Arc::default(),
            rounds: Histogram::default(),
            platforms: Map::new(),
            poll_errors_count: 0,
        }
    }

    pub(crate) fn count(&mut self, platform: &'static str, what: Happened) {
        let figures = self.platforms.entry(platform).or_default();
        let count = match what {
            Happened::Received => &mut figures.received,
            Happened::Sent => &mut figures.sent,
            Happened::Edited => &mut figures.edited,
            Happened::PostFailed => &mut figures.failed,
            Happened::Connecting => &mut figures.connections,
            Happened::CallFailed => &mut figures.call_failures,
        };
        *count = count.saturating_add(1);
    }

    /// A round of the loop took so long, without waiting.
    pub(crate) fn round(&self, time: Duration) {
        self.rounds.add(time);
    }

    /// Something was not taken because the core was too busy.
    pub(crate) fn refused(&mut self) {
        self.poll_errors_count = self.poll_errors_count.saturating_add(1);
    }

    /// All figures, in the text format of Prometheus.
    pub(crate) fn page(&self, sentinel: &Sentinel) -> String {
        let mut page = Exposition::default();
        page.family("sentinel_build_info", "gauge", "What this is.");
        page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let since = self.since.0 as f64 / 1000.0;
        let help = "When it was started, in seconds of the Unix clock.";
        page.one("process_start_time_seconds", "gauge", help, since);
        self.process.write(&mut page);
        core(&mut page, sentinel);
        self.platforms(&mut page);
        let bytes = self.journal.bytes.load(Ordering::Relaxed);
        let help = "Bytes of the log that were made safe.";
        page.one("sentinel_journal_bytes_total", "counter", help, bytes);
        let failures = self.journal.failures.load(Ordering::Relaxed);
        let help = "Writes of the log that failed and were tried again.";
        page.one("sentinel_journal_failures_total", "counter", help, failures);
        let help = "How long writing and syncing the log took.";
        page.family("sentinel_journal_sync_seconds", "histogram", help);
        self.journal.syncs.write(&mut page);
        let help = "How long a round of the loop took, without waiting.";
        page.family("sentinel_loop_seconds", "histogram", help);
        self.rounds.write(&mut page);
        let help = "Messages that could not be taken at once, and were offered again.";
        page.one("sentinel_busy_total", "counter", help, self.poll_errors_count);
        page.finish()
    }

    fn platforms(&self, page: &mut Exposition) {
        type Pick = fn(&PlatformFigures) -> u64;
        let mut family = |name, help, picks: &[(&str, Pick)]| {
            page.family(name, "counter", help);
            for (platform, figures) in &self.platforms {
                for (what, pick) in picks {
                    let labels = [("platform", *platform), ("what", what)];
                    let labels = if what.is_empty() { &labels[..1] } else { &labels[..] };
                    page.sample(labels, pick(figures));
                }
            }
        };
        let help = "Messages that came from a platform.";
        family("sentinel_messages_received_total", help, &[("", |it| it.received)]);
        let help = "Messages that were sent or changed there, or could not be.";
        let picks: [(&str, Pick); 3] =
            [("sent", |it| it.sent), ("edited", |it| it.edited), ("failed", |it| it.failed)];
        family("sentinel_posts_total", help, &picks);
        let help = "Sockets that were opened to it, the first one included.";
        family("sentinel_platform_connections_total", help, &[("", |it| it.connections)]);
        let help = "Requests to it that broke or were refused.";
        family("sentinel_platform_call_failures_total", help, &[("", |it| it.call_failures)]);
    }
}

/// What the core counts.
fn core(page: &mut Exposition, sentinel: &Sentinel) {
    let figures = sentinel.figures();
    let count = "counter";
    let help = "Messages that were let in, and that were not.";
    page.family("sentinel_messages_total", count, help);
    page.sample(&[("answer", "admitted")], figures.admitted_count);
    page.sample(&[("answer", "ignored")], figures.ignored_count);
    let help = "Turns that began.";
    page.one("sentinel_turns_started_total", count, help, figures.turns_started_count);
    page.family("sentinel_turns_total", count, "Turns that ended, by how.");
    for (how, number) in &figures.turns_ended {
        page.sample(&[("how", how)], number);
    }
    let help = "Tool calls that were decided, by tool and answer.";
    page.family("sentinel_tool_calls_total", count, help);
    for ((tool, answer), number) in &figures.calls {
        page.sample(&[("tool", tool), ("answer", answer)], number);
    }
    let help = "Questions that people were asked.";
    page.one("sentinel_questions_total", count, help, figures.questions_count);
    page.family("sentinel_answers_total", count, "Answers to questions, by the answer.");
    for (answer, number) in &figures.answers {
        page.sample(&[("answer", answer)], number);
    }
    models(page, sentinel);
    let help = "Records that were written to the log.";
    page.one("sentinel_journal_records_total", count, help, figures.records_count);
    page.family("sentinel_queue_length", "gauge", "What waits or is under way.");
    for (queue, number) in sentinel.queues() {
        page.sample(&[("queue", queue)], number);
    }
    let help = "Conversations that are known.";
    page.one("sentinel_conversations", "gauge", help, sentinel.conversations_count());
}

fn models(page: &mut Exposition, sentinel: &Sentinel) {
    let models = &sentinel.figures().models;
    let help = "Exchanges with models, by how they went.";
    page.family("sentinel_model_exchanges_total", "counter", help);
    for (model, figures) in models {
        for (what, number) in [
            ("asked", figures.asked_count),
            ("answered", figures.answered_count),
            ("failed", figures.failed_count),
        ] {
            page.sample(&[("model", model), ("what", what)], number);
        }
    }
    let help = "Tokens, as the providers count them.";
    page.family("sentinel_model_tokens_total", "counter", help);
    for (model, figures) in models {
        let usage = &figures.usage;
        for (kind, number) in [
            ("input", usage.input_tokens),
            ("output", usage.output_tokens),
            ("cache_read", usage.cache_read_tokens),
            ("cache_write", usage.cache_write_tokens),
        ] {
            page.sample(&[("model", model), ("kind", kind)], number);
        }
    }
    let help = "What models cost, by the prices of the configuration.";
    page.family("sentinel_model_money_total", "counter", help);
    for (model, figures) in models {
        page.sample(&[("model", model)], figures.money.0 as f64 / 1e6);
    }
}
