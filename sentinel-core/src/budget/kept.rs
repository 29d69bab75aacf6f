//! Accounts as a snapshot keeps them, with what is reserved.

use super::amount::{Amount, Measure};
use super::ledger::{Account, Accounts, Budgets, Open, ReservationNumber, Rules, Scope};
use crate::text::json::{ObjectWriter, Sink, Value};

impl Budgets {
    /// Writes the members of its object.
    pub(crate) fn keep<S: Sink>(&self, out: &mut ObjectWriter<'_, S>) {
        out.field("last", self.last).field("day", self.day);
        out.array("accounts", |out| {
            for ((scope, number), account) in &self.accounts {
                out.object(|out| {
                    out.field("scope", scope.name()).field("account", *number);
                    for (key, amount) in [("spent", account.spent), ("extra", account.extra)] {
                        out.array(key, |out| {
                            for measure in Measure::ALL {
                                out.value(amount.of(measure));
                            }
                        });
                    }
                    out.array("warned", |out| {
                        for percent in account.warned {
                            out.value(u64::from(percent));
                        }
                    });
                });
            }
        });
        out.array("open", |out| {
            for (number, Open { accounts, amount }) in &self.open {
                out.object(|out| {
                    out.field("number", number.0).field("turn", accounts.turn);
                    out.field("conversation", accounts.conversation);
                    out.field("person", accounts.person);
                    out.array("amount", |out| {
                        for measure in Measure::ALL {
                            out.value(amount.of(measure));
                        }
                    });
                });
            }
        });
    }

    /// Reads it back under these rules; `None` if it is not what was kept.
    pub(crate) fn restore(rules: Rules, value: Value<'_>) -> Option<Self> {
        let mut budgets = Self::new(rules);
        budgets.last = value.find("last")?.as_u64().ok()?;
        budgets.day = value.find("day")?.as_u64().ok()?;
        for kept in value.find("accounts")?.elements().ok()? {
            let name = kept.find("scope")?.as_str().ok()?;
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name)?;
            let mut account = Account {
                spent: amount(kept.find("spent")?)?,
                extra: amount(kept.find("extra")?)?,
                ..Account::default()
            };
            let warned = kept.find("warned")?.elements().ok()?;
            for (own, percent) in account.warned.iter_mut().zip(warned) {
                *own = percent.as_u64().ok()?.try_into().ok()?;
            }
            budgets.accounts.insert((scope, kept.find("account")?.as_u64().ok()?), account);
        }
        for kept in value.find("open")?.elements().ok()? {
            let number = |key| kept.find(key)?.as_u64().ok();
            let accounts = Accounts {
                turn: number("turn")?,
                conversation: number("conversation")?,
                person: number("person")?,
            };
            let amount = amount(kept.find("amount")?)?;
            for key in accounts.keys() {
                let account = budgets.accounts.entry(key).or_default();
                account.reserved = account.reserved.plus(&amount);
            }
            let reservation = ReservationNumber(number("number")?);
            budgets.open.insert(reservation, Open { accounts, amount });
        }
        Some(budgets)
    }
}

impl ReservationNumber {
    /// Its number, where something that is kept names it.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    pub(crate) const fn of(number: u64) -> Self {
        Self(number)
    }
}

fn amount(value: Value<'_>) -> Option<Amount> {
    let values = value.elements().ok()?;
    Measure::ALL.into_iter().zip(values).try_fold(Amount::default(), |sum, (measure, value)| {
        Some(sum.plus(&Amount::of_one(measure, value.as_u64().ok()?)))
    })
}
