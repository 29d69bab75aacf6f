//! A table as a snapshot keeps it: every handle means afterwards what it meant before.
//!
//! # Invariants
//! - What is kept reads back as a table that decides, spends and gives out handles alike.

use alloc::string::ToString;

use super::{Entry, Holder, Slot, Table, specificity};
use crate::capability::{Grant, Handle};
use crate::text::json::{ObjectWriter, Sink, Value};

impl Table {
    /// Writes the members of its object.
    pub(crate) fn keep<S: Sink>(&self, out: &mut ObjectWriter<'_, S>) {
        out.field("ages", self.index.ages_count());
        out.array("generations", |out| {
            for slot in &self.slots {
                out.value(u64::from(slot.generation));
            }
        });
        out.array("free", |out| {
            for index in &self.free {
                out.value(u64::from(*index));
            }
        });
        out.array("grants", |out| {
            for (index, slot) in self.slots.iter().enumerate() {
                let Some(entry) = &slot.entry else { continue };
                out.object(|out| {
                    out.field("index", index as u64);
                    out.field("grant", entry.grant.to_string().as_str());
                    out.field("holder", u64::from(entry.holder.0)).field("age", entry.age);
                    out.optional("uses", entry.uses_left.map(u64::from));
                    out.field("confirmed", entry.is_confirmed);
                    if let Some(parent) = entry.parent {
                        out.field("parent", u64::from(parent.index));
                        out.field("parent_generation", u64::from(parent.generation));
                        out.field("depth", entry.depth as u64);
                    }
                });
            }
        });
    }

    /// Reads it back; `None` if it is not one that was kept.
    pub(crate) fn restore(value: Value<'_>) -> Option<Self> {
        let mut table = Self::new();
        table.index.set_ages_count(value.find("ages")?.as_u64().ok()?);
        for generation in value.find("generations")?.elements().ok()? {
            table.slots.push(Slot { generation: small(generation)?, entry: None });
        }
        for index in value.find("free")?.elements().ok()? {
            table.free.push(small(index)?);
        }
        for kept in value.find("grants")?.elements().ok()? {
            let grant: Grant = kept.find("grant")?.as_str().ok()?.parse().ok()?;
            let index = small(kept.find("index")?)?;
            let optional = |key| kept.find(key).map(small);
            let parent = match (optional("parent"), optional("parent_generation")) {
                (Some(index), Some(generation)) => {
                    Some(Handle { index: index?, generation: generation? })
                }
                _ => None,
            };
            let depth = optional("depth").unwrap_or(Some(0))?;
            let uses_left = match optional("uses") {
                Some(uses) => Some(uses?),
                None => None,
            };
            let entry = Entry {
                special: specificity(&grant.resource),
                holder: Holder(small(kept.find("holder")?)?),
                parent,
                age: kept.find("age")?.as_u64().ok()?,
                depth: usize::try_from(depth).ok()?,
                uses_left,
                is_confirmed: kept.find("confirmed")?.as_bool().ok()?,
                grant,
            };
            let is_denial = entry.grant.level == crate::capability::Level::Deny;
            table.index.insert(&entry.grant.resource, is_denial, index);
            let slot = table.slots.get_mut(index as usize)?;
            slot.entry = Some(entry);
            table.grants_count += 1;
        }
        Some(table)
    }
}

fn small(value: Value<'_>) -> Option<u32> {
    value.as_u64().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::GrantError;
    use crate::text::json;
    use crate::time::Timestamp;

    #[test]
    fn a_table_reads_back_with_its_handles() -> Result<(), GrantError> {
        let now = Timestamp(5);
        let mut table = Table::new();
        let read = |text: &str| text.parse::<Grant>().unwrap();
        let first = table.grant(read("read,list /srv/work uses 3"), now)?;
        let second = table.grant(read("deny read /srv/work/x"), now)?;
        table.grant(read("run /usr/bin/git log ask"), now)?;
        table.derive(first, read("read /srv/work/a uses 2"), Holder(4), now)?;
        table.revoke(second);
        table.spend(first, now)?;
        let kept = |table: &Table| json::object(|out| table.keep(out));
        let text = kept(&table);
        let document = json::parse(text.as_bytes()).unwrap();
        let mut restored = Table::restore(document.root()).unwrap();
        assert_eq!(kept(&restored), text);
        // The next handles are the same ones too.
        for _ in 0..3 {
            let grant = || read("model small");
            assert_eq!(restored.grant(grant(), now), table.grant(grant(), now));
        }
        assert_eq!(restored.revoke(first), table.revoke(first));
        assert_eq!(kept(&restored), kept(&table));
        Ok(())
    }

    #[test]
    fn what_was_not_kept_is_no_table() {
        for text in ["{}", r#"{"ages":0,"generations":[],"free":[],"grants":[{"index":0}]}"#] {
            let document = json::parse(text.as_bytes()).unwrap();
            assert!(Table::restore(document.root()).is_none());
        }
    }
}
