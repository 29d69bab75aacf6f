//! Exchanges with models of services, through the program that holds their keys.
//!
//! # Not here
//! How an exchange goes: [`crate::exchanges`].

use alloc::string::String;
use alloc::vec::Vec;

use luperiq_exchange::Times;
use sentinel_core::agent::ExchangeNumber;
use sentinel_core::config::Http;
use sentinel_core::llm::{Outgoing, Piece};
use sentinel_core::time::Instant;

use crate::exchanges::{self, Exchanges, Heard, Request, Service};
use crate::machine::Machine;

/// What was asked of models.
#[derive(Debug)]
pub struct Models<L> {
    /// By the numbers of the models; none for the one that is built in.
    services: Vec<Option<Service>>,
    times: Times,
    exchanges: Exchanges<L>,
}

impl<L> Models<L> {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(services: Vec<Option<Service>>, http: &Http) -> Self {
        Self { services, times: exchanges::times(http), exchanges: Exchanges::default() }
    }

    /// Asks a model.
    pub fn ask<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
        number: ExchangeNumber,
        model: usize,
        request: &Outgoing,
    ) {
        let Some(service) = self.services.get(model).and_then(Option::as_ref) else {
            let why = String::from("there is no such service on this machine");
            return self.exchanges.fail(number.0, why);
        };
        let mut body = Vec::new();
        for piece in request.body.pieces() {
            match piece {
                Piece::Bytes(bytes) => body.extend_from_slice(bytes),
                Piece::Base64(_) => {
                    let why = String::from("this machine holds no pictures");
                    return self.exchanges.fail(number.0, why);
                }
            }
        }
        let request = Request {
            number: number.0,
            service,
            method: &request.method,
            path: request.path,
            fields: request.headers.clone(),
            body,
            times: self.times,
        };
        self.exchanges.ask(machine, request);
    }

    /// Nobody waits for the answer any more.
    pub fn cancel(&mut self, now: Instant, number: ExchangeNumber) {
        self.exchanges.cancel(now, number.0);
    }

    /// The lines to wait for, and whether there is something to send over each.
    pub fn lines(&self) -> impl Iterator<Item = (&L, bool)> {
        self.exchanges.lines()
    }

    /// When it is time to look again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.exchanges.deadline()
    }

    /// What came.
    pub fn next<M: Machine<Line = L>>(
        &mut self,
        machine: &mut M,
    ) -> Option<(ExchangeNumber, Heard)> {
        let (number, heard) = self.exchanges.next(machine)?;
        Some((ExchangeNumber(number), heard))
    }
}
