//! Carrying out what the agent ordered, now that it is safe to.
//!
//! # Not here
//! Deciding it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Effect, Exchange, Picture, Said, Sentinel};
use crate::agent::input::{DeliveryOutcome, Input};
use crate::agent::outbox::{Ask, Order, Run, Say, Saying};
use crate::agent::{ConversationNumber, DeliveryNumber, ExchangeNumber, Fetch, MayRun, Provider};
use crate::channel::{Delivery, Outcome, Platform};
use crate::fault::{Fault, is_broken};
use crate::llm::{
    Block, Image, ImageSource, Message, ModelError, ModelErrorKind, Request, ToolChoice, Usage,
    offline,
};

/// Something that is being said.
#[derive(Debug)]
pub(super) struct Speaking {
    pub(super) platform: &'static str,
    pub(super) chat: String,
    pub(super) delivery: Delivery,
    /// Whether all that is to be said is known.
    pub(super) is_said: bool,
    /// What it is: of what is still growing, an answer.
    pub(super) said: Said,
    /// The conversation, if it is said in one.
    conversation: Option<ConversationNumber>,
}

impl Speaking {
    fn new(
        number: DeliveryNumber,
        platform: &Platform,
        chat: &str,
        (streams, is_resumed): (bool, bool),
    ) -> Self {
        let delivery = Delivery::new(platform, streams).keyed(number.0);
        let delivery = if is_resumed { delivery.resumed() } else { delivery };
        Self {
            platform: platform.name,
            chat: chat.into(),
            delivery,
            is_said: false,
            said: Said::Answer,
            conversation: None,
        }
    }
}

impl Sentinel {
    pub(super) fn perform(&mut self, order: Order) {
        let is_for_operators =
            matches!(order, Order::Tell { .. } | Order::Alert(_) | Order::Forget(_));
        if self.is_maintained && !is_for_operators {
            return;
        }
        match order {
            Order::Ask(ask) => self.ask(ask),
            Order::Unask(exchange) => {
                self.figures.forget(exchange);
                if self.exchanges.remove(&exchange).is_some() {
                    self.effects.push_back(Effect::CancelModel { exchange });
                }
            }
            Order::Run(run) => {
                let Run { number, conversation, call, handles, time_max } = run;
                // Much can happen while a record is written: the turn may be stopped, a grant
                // revoked.
                match self.agent.may_still_run(number, &call, &handles, self.now.wall) {
                    MayRun::Yes => {}
                    MayRun::NobodyWaits => return,
                    MayRun::NotCovered => {
                        let why = "not run: a grant it needs ended meanwhile.".into();
                        self.inner.push_back(Input::CallWithheld { call: number, why });
                        return;
                    }
                }
                self.effects.push_back(Effect::RunTool {
                    number,
                    conversation,
                    call,
                    handles,
                    time_max,
                });
            }
            Order::Fetch(fetch) => {
                // Its turn may have been stopped meanwhile.
                if self.agent.waits_for_file(fetch.number) {
                    let Fetch { number, conversation, platform, attachment, bytes_max, name } =
                        fetch;
                    self.effects.push_back(Effect::Fetch {
                        fetch: number,
                        conversation,
                        platform,
                        attachment,
                        bytes_max,
                        name,
                    });
                }
            }
            Order::Unfetch(fetch) => self.effects.push_back(Effect::CancelFetch { fetch }),
            Order::Stop(number) => self.effects.push_back(Effect::CancelTool { number }),
            Order::Reply { call, number, told } => {
                // Its call may be over by now.
                if self.agent.waits_for_reply(call) {
                    self.effects.push_back(Effect::Reply { call, number, told });
                }
            }
            Order::Say(Say { delivery, conversation, text, what, .. }) => {
                // What was shown of it so far may have been lost, with an outcome that nobody
                // knows: it said that it was not complete, and the whole is a new
                // message.
                let is_lost = self.speaking.get(&delivery).is_some_and(|speaking| {
                    matches!(speaking.delivery.outcome(), Outcome::Failed { .. })
                });
                if is_lost && let Some((platform, _)) = self.agent.address(conversation) {
                    // Under the same key: a platform that still knows it gives the message back,
                    // and after another crash as well.
                    let again = Delivery::new(platform, false).keyed(delivery.0).resumed();
                    let again = again.showing(self.agent.shown_messages(delivery));
                    if let Some(speaking) = self.speaking.get_mut(&delivery) {
                        speaking.delivery = again;
                    }
                }
                match self.speaking(delivery, conversation) {
                    Some(speaking) => {
                        speaking.is_said = true;
                        speaking.said = match what {
                            Saying::Answer => Said::Answer,
                            Saying::Question(number) => Said::Question(number),
                            Saying::Notice => Said::Notice,
                        };
                        speaking.delivery.finish_with(&text);
                    }
                    // Its platform is not connected any more.
                    None => {
                        let outcome = DeliveryOutcome::Failed;
                        self.inner.push_back(Input::Delivered { delivery, outcome });
                    }
                }
            }
            Order::Greet { delivery, platform, chat, text } => {
                let settings = self.agent.settings();
                let known = settings.platforms.iter().find(|known| known.name == platform);
                if let Some(known) = known {
                    let streams = self.streams(known);
                    let mut speaking = Speaking::new(delivery, known, &chat, (streams, false));
                    speaking.is_said = true;
                    speaking.said = Said::Notice;
                    speaking.delivery.finish_with(&text);
                    self.speaking.insert(delivery, speaking);
                }
            }
            Order::Withdraw(delivery) => {
                if let Some(speaking) = self.speaking.get_mut(&delivery) {
                    speaking.delivery.restart();
                }
            }
            Order::MarkIncomplete(delivery) => {
                let shown = self.speaking.get_mut(&delivery);
                match shown {
                    Some(speaking) if speaking.is_said => {}
                    Some(speaking) if speaking.delivery.was_shown() => {
                        speaking.is_said = true;
                        speaking.delivery.interrupted("[this answer is not complete]");
                    }
                    // Of what nobody saw nothing is said.
                    _ => drop(self.speaking.remove(&delivery)),
                }
            }
            Order::Acknowledge { platform, message } => {
                self.effects.push_back(Effect::Acknowledge { platform, message });
            }
            Order::Alert(text) => self.effects.push_back(Effect::Alert(text)),
            Order::Tell { request, outcome } => {
                self.effects.push_back(Effect::Tell { request, outcome });
            }
            // A number that was lost in a crash may name another conversation by now.
            Order::Forget(conversation) if self.agent.needs_key(conversation) => {}
            Order::Forget(conversation) => {
                self.speaking.retain(|_, speaking| speaking.conversation != Some(conversation));
                // Before its key: a start that still finds the key does both again.
                self.effects.push_back(Effect::RemoveFiles { conversation });
                self.book.forget(conversation, self.now.wall);
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        let Ask { exchange, conversation, delivery, model, handle } = ask;
        // It may have been given up while its record was written.
        let Some(question) = self.agent.question(exchange) else { return };
        if !self.agent.may_still_ask(exchange, &question.model.name, handle, self.now.wall) {
            let said = "the grant for it ended meanwhile";
            // A grant for a server alone says nothing of the model.
            let kind = match self.agent.is_of_sampling(exchange) {
                true => ModelErrorKind::BadRequest,
                false => ModelErrorKind::Authentication,
            };
            return self.not_asked(exchange, ModelError::new(kind).with_said(said));
        }
        let messages: Vec<&Message> = question.window.messages().collect();
        let pictures = pictures(conversation, &messages);
        let request = Request {
            model: &question.model.name,
            system: &question.system,
            messages: &messages,
            tools: question.tools,
            tool_choice: if question.may_call { ToolChoice::Auto } else { ToolChoice::Never },
            tokens_max: question.tokens_max,
            temperature: None,
            thinking: question.thinking,
            stop_sequences: &question.stops,
            cache: question.cache,
            keeps_thinking: question.keeps_thinking,
            is_streamed: true,
        };
        let dialect = match question.model.provider {
            Provider::Offline => {
                let reply = offline::answer(&request).into_reply();
                self.inner.push_back(Input::Reply { exchange, reply });
                return;
            }
            Provider::Service(dialect) => dialect,
        };
        match dialect.write(&request) {
            Ok(request) => {
                let now = self.now.instant;
                let known = Exchange::new(exchange.0, delivery, dialect, now);
                self.exchanges.insert(exchange, known);
                if let Some(delivery) = delivery
                    && let Some(speaking) = self.speaking(delivery, conversation)
                {
                    speaking.delivery.restart();
                }
                let asks = Effect::AskModel { exchange, model, handle, request, pictures };
                self.effects.push_back(asks);
            }
            Err(error) => {
                let said = alloc::string::ToString::to_string(&error);
                let error = ModelError::new(ModelErrorKind::BadRequest).with_said(&said);
                self.not_asked(exchange, error);
            }
        }
    }

    /// A request was not sent at all.
    fn not_asked(&mut self, exchange: ExchangeNumber, error: ModelError) {
        let entropy = self.entropy.number();
        let (usage, was_shown, has_begun) = (Usage::default(), false, false);
        let failed = Input::ReplyFailed { exchange, error, usage, was_shown, has_begun, entropy };
        self.inner.push_back(failed);
    }

    /// Whether an answer is shown while it grows. Where nothing can be changed, it is only if text
    /// can be added to what stands there.
    fn streams(&self, platform: &Platform) -> bool {
        let can_grow = platform.can_edit || *platform == Platform::TERMINAL;
        can_grow && !self.unstreamed.contains(&platform.name)
    }

    /// What is being said under this number; it begins if it has not.
    fn speaking(
        &mut self,
        delivery: DeliveryNumber,
        conversation: ConversationNumber,
    ) -> Option<&mut Speaking> {
        if !self.speaking.contains_key(&delivery) {
            let (platform, chat) = self.agent.address(conversation)?;
            let is_resumed = delivery <= self.resumed_through;
            let streams = self.streams(platform);
            let mut speaking = Speaking::new(delivery, platform, chat, (streams, is_resumed));
            speaking.conversation = Some(conversation);
            if !is_broken(Fault::LostPreview) {
                speaking.delivery = speaking.delivery.showing(self.agent.shown_messages(delivery));
            }
            self.speaking.insert(delivery, speaking);
        }
        self.speaking.get_mut(&delivery)
    }
}

/// The pictures in a conversation.
fn pictures(conversation: ConversationNumber, messages: &[&Message]) -> Vec<Picture> {
    let blocks = messages.iter().flat_map(|message| &message.blocks);
    let held = blocks.filter_map(|block| match block {
        Block::Image(Image { source: ImageSource::Held { image, file }, .. }) => {
            Some(Picture { conversation, file: file.clone(), image: *image })
        }
        _ => None,
    });
    held.collect()
}
