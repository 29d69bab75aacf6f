//! Other settings, while work goes on or at a start.
//!
//! The same happens as if the operator had done each change by hand: grants that the settings no
//! longer have are revoked, those they have now are made, and everything that is decided or
//! released from then on is decided by the new rules. Grants that stand in both keep what was used
//! and confirmed of them, and their handles, so that what runs with them goes on.
//!
//! # Invariants
//! - Nothing runs with a grant that the new settings no longer have, or that they forbid.
//! - Settings that cannot be worked with change nothing.
//! - No handle comes to mean another grant.
//! - No answer is one to what was asked under other settings.
//!
//! # Not here
//! What a start does with what was under way: [`restart`](super::restart).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::number::{CallNumber, ConversationNumber, TurnNumber};
use super::outbox::Order;
use super::questions::SETTINGS_CHANGED;
use super::record::Kind;
use super::settings::Settings;
use super::turn::{CallStage, Stage, Turn};
use super::{Agent, SYSTEM, SettingsError};
use crate::capability::{Grant, GrantError, Handle, Holder, Level, Verdict};
use crate::fault::{Fault, is_broken};
use crate::limits::CAPABILITY_GRANTS_COUNT_MAX;
use crate::order;
use crate::time::Now;
use crate::tool::Call;

impl Agent {
    /// Whether these settings can be worked with from now on.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn can_work_with(&self, settings: &Arc<Settings>) -> Result<(), SettingsError> {
        let fresh = Self::new(settings.clone())?;
        // There must be room for all of them beside those that people made: a rule that forbids
        // must not be the one that is lost.
        let made = self.table.iter().filter(|(.., grant)| !self.settings.grants.contains(grant));
        if made.count() + fresh.table.len() > CAPABILITY_GRANTS_COUNT_MAX {
            let index = settings.grants.len().saturating_sub(1);
            return Err(SettingsError::Grant { index, error: GrantError::Full });
        }
        Ok(())
    }

    /// Goes on with these settings.
    ///
    /// # Errors
    /// They cannot be worked with; nothing changed.
    pub(crate) fn reconfigure(
        &mut self,
        now: Now,
        settings: Arc<Settings>,
    ) -> Result<(), SettingsError> {
        self.now = now;
        let has_other_models = self.adopt(settings)?;
        self.void_samplings(has_other_models);
        // What is asked from here on is asked by these settings already.
        let waiting = self.waiting_for_models();
        self.stop_outsiders();
        self.stop_forbidden();
        for (number, waited) in waiting {
            let Some(turn) = self.take_turn(number) else { continue };
            match turn.number == waited {
                true => self.ask_again(number, turn, has_other_models),
                false => self.put_turn(number, turn),
            }
        }
        self.rest();
        Ok(())
    }

    /// The turns that wait for a model, or for leave to ask one.
    fn waiting_for_models(&self) -> Vec<(ConversationNumber, TurnNumber)> {
        let turns = self.active.iter().filter_map(|number| {
            let turn = self.conversations.get(number)?.turn.as_ref()?;
            let is_waiting =
                matches!(turn.stage, Stage::Asking { .. } | Stage::Pausing(_) | Stage::Held { .. });
            is_waiting.then_some((*number, turn.number))
        });
        turns.collect()
    }

    /// Takes these settings on, and says whether they have other models. What was learnt stays:
    /// budgets, people, grants that people made, how often they were used, and which grant a handle
    /// means.
    pub(super) fn adopt(&mut self, settings: Arc<Settings>) -> Result<bool, SettingsError> {
        let fresh = Self::new(settings)?;
        let old = core::mem::replace(&mut self.settings, fresh.settings);
        let has_other_models =
            old.models != self.settings.models || old.route != self.settings.route;
        self.exchange_grants(&old);
        if has_other_models {
            self.route = fresh.route;
        }
        self.offer();
        self.persona.pin(self.settings.persona);
        self.budgets.adopt(self.settings.budget.clone());
        self.access.adopt(self.settings.access.clone());
        Ok(has_other_models)
    }

    /// Revokes what the settings no longer grant, and grants what they did not.
    fn exchange_grants(&mut self, old: &Settings) {
        let new = self.settings.clone();
        self.table.sweep(self.now.wall);
        let is_gone = |grant: &Grant| old.grants.contains(grant) && !new.grants.contains(grant);
        let gone = self.table.iter().filter(|(_, holder, grant)| {
            *holder == Holder::AGENT && is_gone(grant) && !is_broken(Fault::StaleGrant)
        });
        let gone: Vec<Handle> = gone.map(|(handle, ..)| handle).collect();
        for handle in gone {
            self.take_back(handle);
        }
        let has_ended = |grant: &Grant| grant.until.is_some_and(|until| until <= self.now.wall);
        let mut added: Vec<&Grant> = new
            .grants
            .iter()
            .filter(|grant| !old.grants.contains(grant) && !has_ended(grant))
            .collect();
        self.make_room(added.len());
        // Were there no room for all, what forbids comes first.
        order::sort_by_key(&mut added, |grant| grant.level != Level::Deny);
        for grant in added {
            let spec = grant.to_string();
            match self.table.grant(grant.clone(), self.now.wall) {
                Ok(handle) => self.outbox.record(Kind::Granted, SYSTEM, |out| {
                    out.field("grant", spec.as_str());
                    out.field("handle", handle.to_string().as_str());
                }),
                Err(error) => self.alert(format!("the grant '{spec}' was lost: {error}")),
            }
        }
    }

    /// Grants of the settings come before those that people made, and of these what forbids is the
    /// last to go. While work goes on, settings without room for all are refused
    /// ([`can_work_with`](Self::can_work_with)); at a start there is nobody to refuse them to.
    fn make_room(&mut self, count: usize) {
        let over = (self.table.len() + count).saturating_sub(CAPABILITY_GRANTS_COUNT_MAX);
        if over == 0 {
            return;
        }
        let made = self.table.iter().filter(|(.., grant)| !self.settings.grants.contains(grant));
        let mut made: Vec<(Handle, Grant)> =
            made.map(|(handle, _, grant)| (handle, grant.clone())).collect();
        order::sort_by_key(&mut made, |(_, grant)| grant.level == Level::Deny);
        for (handle, grant) in made.into_iter().take(over) {
            self.take_back(handle);
            self.alert(format!("the grant '{grant}' was lost: {}", GrantError::Full));
        }
    }

    fn take_back(&mut self, handle: Handle) {
        let count = self.table.revoke(handle);
        self.outbox.record(Kind::Revoked, SYSTEM, |out| {
            out.field("handle", handle.to_string().as_str());
            out.field("count", count as u64);
        });
    }

    /// Ends the calls that run and would not be started any more, and the questions about calls
    /// that would be other ones now.
    fn stop_forbidden(&mut self) {
        let active: Vec<ConversationNumber> = self.active.iter().copied().collect();
        for number in active {
            let Some(mut turn) = self.take_turn(number) else { continue };
            let mut forbidden: Vec<CallNumber> = Vec::new();
            if let Stage::Calling(round) = &turn.stage {
                for calling in round {
                    let CallStage::Running { handles, .. } = &calling.stage else { continue };
                    if calling.call.as_ref().is_none_or(|call| self.is_forbidden(call, handles)) {
                        forbidden.push(calling.number);
                    }
                }
            }
            self.stop_calls(number, &mut turn, &forbidden);
            let turn_number = turn.number;
            if let Stage::Calling(round) = &mut turn.stage {
                self.void_questions(turn_number, round);
            }
            self.go_on(number, turn);
        }
    }

    /// Whether a call that runs would not be let go on.
    pub(super) fn is_forbidden(&self, call: &Call, handles: &[Handle]) -> bool {
        if is_broken(Fault::StaleGrant) {
            return false;
        }
        // How often it may be used was counted when it began, and says nothing about it now.
        let is_gone = |handle: &Handle| self.table.find(*handle).is_none();
        handles.iter().any(is_gone)
            || self.settings.tools.find(call.tool()).is_err()
            || self.unusable(call.tool()).is_some()
            || matches!(self.cover(call).0, Verdict::Denied { .. })
    }

    /// A model that is asked, or is to be asked later, may be another one now, or none of ours.
    pub(super) fn ask_again(
        &mut self,
        number: ConversationNumber,
        mut turn: Box<Turn>,
        is_other: bool,
    ) {
        let is_over = match &turn.stage {
            Stage::Asking { attempt, .. } => {
                let model = self.settings.models.get(attempt.model().index());
                is_other || model.is_none_or(|model| !self.may_ask(&model.name))
            }
            Stage::Pausing(_) => is_other,
            // The limit that it asks about may be another one.
            Stage::Held { question, .. } => {
                self.void_question(*question, SETTINGS_CHANGED);
                true
            }
            _ => false,
        };
        if !is_over {
            return self.put_turn(number, turn);
        }
        if let Stage::Asking { exchange, attempt, spending } =
            core::mem::replace(&mut turn.stage, Stage::Moving)
        {
            self.exchanges.remove(&exchange);
            // In another chain the attempt has no place.
            if !is_other {
                self.route.abandoned(attempt);
            }
            // Nobody will say what it cost, but how long it took is known.
            self.settle(number, spending, spending.by_clock(self.now.instant));
            self.outbox.order(Order::Unask(exchange));
        }
        self.ask(number, turn);
    }
}
