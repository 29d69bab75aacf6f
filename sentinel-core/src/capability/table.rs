//! The table of grants: who holds what, and whether it covers a deed.
//!
//! # The decision
//! 1. A rule that forbids, and that could apply, denies. Rules of the agent bind its skills too.
//! 2. Of the grants that cover the whole request the most special one decides: the longest path,
//!    the host with most labels, then the one that names a path, then methods; the program is
//!    always one.
//! 3. Of several as special the strictest level decides, and of those one whose uses are not
//!    counted is used first, then the oldest.
//!
//! A grant that has ended, is used up, or comes from one that is, covers nothing. A denial that has
//! ended denies nothing.
//!
//! # Invariants
//! - What is derived is never wider than what it comes from, and ends with it: revoking a grant
//!   revokes everything that was derived from it, by whomever.
//! - A handle means one grant for ever; after its end it means nothing.
//! - A decision allocates nothing and looks only at grants that share the request's first words, so
//!   its time depends on what could apply and not on how many grants there are.
//!
//! # Not here
//! Asking, and writing down what was decided. A handle for each call of a built-in tool: the agent
//! of this crate hands on nothing to itself. What it orders is one call in its canonical form,
//! which says more exactly than a grant could what may be done; the handles beside it say by what,
//! so that the call ends with any of them. [`Table::derive`] is for those who choose their own
//! deeds while a call goes on, as skills do: their table is the call's own (`skill::Handed`), so
//! that what was derived for it ends with it.

#[cfg(feature = "agent")]
mod kept;

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::iter;

use super::command::CommandRefusal;
use super::grant::{Grant, GrantError, Holder};
use super::index::{Index, key_of_whole, keys};
use super::matching::{Special, could_apply, covers, lies_within, specificity};
use super::request::{FileRight, Request};
use super::resource::Resource;
use super::{Handle, Level, PathRef, Verdict};
use crate::limits::{CAPABILITY_DERIVED_DEPTH_MAX, CAPABILITY_GRANTS_COUNT_MAX};
use crate::order;
use crate::time::Timestamp;

/// All grants of an agent and its skills.
///
/// ```
/// use sentinel_core::capability::{Holder, Level, PathRef, FileRight, Request, Table, Verdict};
/// use sentinel_core::time::Timestamp;
///
/// let now = Timestamp(0);
/// let mut table = Table::new();
/// table.grant("read,list /srv/work".parse()?, now)?;
/// table.grant("deny read /srv/work/.env".parse()?, now)?;
///
/// let verdict = |path| {
///     let path = PathRef::absolute(path).unwrap();
///     let request = Request::File { path, right: FileRight::Read, is_tree: false };
///     table.decide(Holder::AGENT, &request, now)
/// };
/// assert!(matches!(verdict("/srv/work/a.txt"), Verdict::Covered { level: Level::Allow, .. }));
/// assert!(matches!(verdict("/srv/work/.env"), Verdict::Denied { .. }));
/// assert_eq!(verdict("/srv/workshop"), Verdict::Uncovered);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Table {
    slots: Vec<Slot>,
    /// Places whose grant has ended.
    free: Vec<u32>,
    index: Index,
    grants_count: usize,
}

#[derive(Clone, Debug)]
struct Slot {
    generation: u32,
    entry: Option<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    grant: Grant,
    holder: Holder,
    parent: Option<Handle>,
    /// The order in which grants were made.
    age: u64,
    depth: usize,
    /// How special the grant is.
    special: Special,
    uses_left: Option<u32>,
    /// Whether a person has allowed a use of a grant that asks once.
    is_confirmed: bool,
}

impl Table {
    /// No grants.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a grant to the agent, or a rule that forbids.
    ///
    /// # Errors
    /// Why it is not made.
    pub fn grant(&mut self, grant: Grant, now: Timestamp) -> Result<Handle, GrantError> {
        self.add(grant, Holder::AGENT, None, now)
    }

    /// Hands a part of a grant on: to a helper, a skill, or for one deed alone.
    ///
    /// ```
    /// use sentinel_core::capability::{Grant, GrantError, Holder, Table};
    /// use sentinel_core::time::Timestamp;
    ///
    /// let (now, helper) = (Timestamp(0), Holder(1));
    /// let mut table = Table::new();
    /// let own = table.grant("read,write /srv/work".parse()?, now)?;
    ///
    /// let part: Grant = "read /srv/work/notes until 1970-01-02 uses 1".parse()?;
    /// let lent = table.derive(own, part, helper, now)?;
    /// let wider = table.derive(lent, "read /srv/work".parse()?, helper, now);
    /// assert_eq!(wider, Err(GrantError::Wider));
    ///
    /// // What is revoked takes along what came from it.
    /// assert_eq!(table.revoke(own), 2);
    /// assert_eq!(table.spend(lent, now), Err(GrantError::Gone));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Why it is not: above all, that it would be wider.
    pub fn derive(
        &mut self,
        parent: Handle,
        grant: Grant,
        holder: Holder,
        now: Timestamp,
    ) -> Result<Handle, GrantError> {
        let entry = self.entry(parent).filter(|_| self.is_good(parent, now));
        let entry = entry.ok_or(GrantError::Gone)?;
        if entry.grant.level == Level::Deny || grant.level == Level::Deny {
            return Err(GrantError::Denial);
        }
        if entry.depth + 1 > CAPABILITY_DERIVED_DEPTH_MAX {
            return Err(GrantError::TooDeep);
        }
        let left = Grant { uses: entry.uses_left, ..entry.grant.clone() };
        if !grant.is_within(&left) {
            return Err(GrantError::Wider);
        }
        self.add(grant, holder, Some(parent), now)
    }

    /// Ends a grant and everything derived from it, and says how many that were.
    pub fn revoke(&mut self, handle: Handle) -> usize {
        self.remove_where(|own, _| own == handle)
    }

    /// Ends all grants whose time has passed, and says how many that were. Decisions do not need
    /// it; it makes room.
    pub fn sweep(&mut self, now: Timestamp) -> usize {
        self.remove_where(|_, entry| entry.grant.until.is_some_and(|until| until <= now))
    }

    /// Counts a use of a grant and of all it is derived from; before the deed.
    ///
    /// # Errors
    /// One of them has ended or is used up. Nothing was counted then.
    pub fn spend(&mut self, handle: Handle, now: Timestamp) -> Result<(), GrantError> {
        self.spend_all(&[handle], now)
    }

    /// Counts a use of every grant that one deed needs, and of all they are derived from, each
    /// once; before the deed.
    ///
    /// # Errors
    /// One of them has ended or is used up. Nothing was counted then.
    pub fn spend_all(&mut self, handles: &[Handle], now: Timestamp) -> Result<(), GrantError> {
        if !handles.iter().all(|handle| self.is_good(*handle, now)) {
            return Err(GrantError::Gone);
        }
        let lineages = handles.iter().flat_map(|handle| self.lineage(*handle));
        let mut spent: Vec<Handle> = lineages.map(|(handle, _)| handle).collect();
        order::sort_by(&mut spent, Ord::cmp);
        spent.dedup();
        for handle in spent {
            if let Some(Entry { uses_left: Some(left), .. }) = self.entry_mut(handle) {
                *left = left.saturating_sub(1);
            }
        }
        Ok(())
    }

    /// A person allowed the first use of a grant that asks once.
    ///
    /// # Errors
    /// It has ended.
    pub fn confirm_once(&mut self, handle: Handle, now: Timestamp) -> Result<(), GrantError> {
        let is_good = self.is_good(handle, now);
        let entry = self.entry_mut(handle).filter(|_| is_good).ok_or(GrantError::Gone)?;
        entry.is_confirmed = true;
        Ok(())
    }

    /// What the grants of a holder say of a request.
    #[must_use]
    pub fn decide(&self, holder: Holder, request: &Request<'_>, now: Timestamp) -> Verdict {
        self.judge(holder, request, None, now)
    }

    /// The decision; a file is forbidden, too, to whoever may not do `also` with it.
    fn judge(
        &self,
        holder: Holder,
        request: &Request<'_>,
        also: Option<FileRight>,
        now: Timestamp,
    ) -> Verdict {
        let mut best: Option<Best> = None;
        let mut denial = self.denial_within(holder, request, also, now);
        for index in keys(request).flat_map(|key| self.index.find(key)) {
            let Some(slot) = self.slots.get(index as usize) else { continue };
            let Some(entry) = &slot.entry else { continue };
            let handle = Self::handle(index as usize, slot);
            if entry.grant.level == Level::Deny {
                let is_older = denial.is_none_or(|(age, _)| entry.age < age);
                if is_older
                    && entry.binds(holder)
                    && could_apply(&entry.grant.resource, request, also)
                    && self.is_good(handle, now)
                {
                    denial = Some((entry.age, handle));
                }
                continue;
            }
            if denial.is_some() || entry.holder != holder {
                continue;
            }
            if !self.is_good(handle, now) {
                continue;
            }
            let Some(level) = self.covers(holder, entry, request, now) else { continue };
            let is_counted = entry.uses_left.is_some();
            let rank = (entry.special, level, !is_counted, Reverse(entry.age));
            if best.is_none_or(|best| rank > best.rank) {
                best = Some(Best { rank, handle, level });
            }
        }
        match (denial, best) {
            (Some((_, handle)), _) => Verdict::Denied { handle },
            (None, Some(Best { handle, level, .. })) => Verdict::Covered { handle, level },
            (None, None) => Verdict::Uncovered,
        }
    }

    /// What the grants of a holder say of a deed that needs several: a denial of one denies all,
    /// what is uncovered is uncovered as a whole, and else the strictest level holds. With it come
    /// the grants that are used, or the rule that denied; the verdict names the strictest of them.
    ///
    /// A deed that needs nothing is not covered by anything: do not ask.
    #[must_use]
    pub fn decide_all(
        &self,
        holder: Holder,
        requests: &[Request<'_>],
        now: Timestamp,
    ) -> (Verdict, Vec<Handle>) {
        let mut handles = Vec::with_capacity(requests.len());
        let mut strictest: Option<(Level, Handle)> = None;
        let mut is_uncovered = requests.is_empty();
        for request in requests {
            match self.decide(holder, request, now) {
                Verdict::Denied { handle } => {
                    return (Verdict::Denied { handle }, Vec::from([handle]));
                }
                Verdict::Uncovered => is_uncovered = true,
                Verdict::Covered { handle, level } => {
                    let others = self.requests_besides(holder, request, handle, now);
                    for (handle, level) in iter::once((handle, level)).chain(others) {
                        if !handles.contains(&handle) {
                            handles.push(handle);
                        }
                        if strictest.is_none_or(|(strictest, _)| level > strictest) {
                            strictest = Some((level, handle));
                        }
                    }
                }
            }
        }
        match strictest {
            Some((level, handle)) if !is_uncovered => (Verdict::Covered { handle, level }, handles),
            _ => (Verdict::Uncovered, Vec::new()),
        }
    }

    /// Where somebody is let out by a grant of some requests: the other grants that name the host
    /// as exactly, each of other requests. One of them alone would be less than what was
    /// granted.
    fn requests_besides(
        &self,
        holder: Holder,
        request: &Request<'_>,
        handle: Handle,
        now: Timestamp,
    ) -> impl Iterator<Item = (Handle, Level)> {
        let is_of_requests = |entry: &&Entry| {
            matches!(entry.grant.resource, Resource::Connect { http: Some(_), .. })
        };
        let reaches = matches!(request, Request::Reach(_));
        let found = self.entry(handle).filter(|entry| reaches && is_of_requests(entry));
        let exactness = found.map(|entry| entry.special.0);
        let others = keys(request).flat_map(|key| self.index.find(key)).filter_map(move |index| {
            let slot = self.slots.get(index as usize)?;
            let entry = slot.entry.as_ref()?;
            let handle = Self::handle(index as usize, slot);
            let is_one = Some(entry.special.0) == exactness
                && entry.grant.level != Level::Deny
                && entry.holder == holder
                && covers(&entry.grant.resource, request)
                && self.is_good(handle, now);
            is_one.then_some((handle, entry.level()))
        });
        others.filter(move |_| exactness.is_some())
    }

    /// Why the commands of a holder that name this program do not cover a command: for each what it
    /// says against it. For people and for models, who mend their call by it.
    #[must_use]
    pub fn command_refusal<'c>(
        &self,
        holder: Holder,
        program: PathRef<'_>,
        arguments: &[&'c str],
        directory: &'c str,
        now: Timestamp,
    ) -> Option<CommandRefusal<'c>> {
        let may = |request: &Request<'_>| self.lends(holder, request, now).is_some();
        self.iter().find_map(|(handle, owner, grant)| match &grant.resource {
            Resource::Command(rule) if owner == holder && self.is_good(handle, now) => {
                let refusal = rule.check(program, arguments, directory, may).err()?;
                (refusal != CommandRefusal::Program).then_some(refusal)
            }
            _ => None,
        })
    }

    /// A grant that is there, whether or not its time has passed.
    #[must_use]
    pub fn find(&self, handle: Handle) -> Option<&Grant> {
        Some(&self.entry(handle)?.grant)
    }

    /// All grants that are there: handle, holder, grant.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, Holder, &Grant)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let entry = slot.entry.as_ref()?;
            Some((Self::handle(index, slot), entry.holder, &entry.grant))
        })
    }

    /// The grant that one was derived from, if it was.
    #[must_use]
    pub fn parent(&self, handle: Handle) -> Option<Handle> {
        self.entry(handle)?.parent
    }

    /// How often a grant may still be used, if that is counted.
    #[must_use]
    pub fn uses_left(&self, handle: Handle) -> Option<u32> {
        self.entry(handle)?.uses_left
    }

    /// How many grants there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.grants_count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.grants_count == 0
    }

    fn add(
        &mut self,
        grant: Grant,
        holder: Holder,
        parent: Option<Handle>,
        now: Timestamp,
    ) -> Result<Handle, GrantError> {
        grant.check(now)?;
        if self.grants_count >= CAPABILITY_GRANTS_COUNT_MAX {
            return Err(GrantError::Full);
        }
        let depth = parent.and_then(|parent| self.entry(parent)).map_or(0, |entry| entry.depth + 1);
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.slots.push(Slot { generation: 0, entry: None });
                u32::try_from(self.slots.len() - 1).map_err(|_| GrantError::Full)?
            }
        };
        self.index.insert(&grant.resource, grant.level == Level::Deny, index);
        let age = self.index.next_age();
        let uses_left = grant.uses;
        let special = specificity(&grant.resource);
        let Some(slot) = self.slots.get_mut(index as usize) else { return Err(GrantError::Full) };
        slot.entry = Some(Entry {
            grant,
            holder,
            parent,
            age,
            depth,
            special,
            uses_left,
            is_confirmed: false,
        });
        self.grants_count += 1;
        Ok(Handle { index, generation: slot.generation })
    }

    /// Removes what `is_ending` says of and all that comes from it.
    fn remove_where(&mut self, is_ending: impl Fn(Handle, &Entry) -> bool) -> usize {
        let ending: Vec<Handle> = self
            .iter()
            .map(|(handle, ..)| handle)
            .filter(|handle| self.lineage(*handle).any(|(own, entry)| is_ending(own, entry)))
            .collect();
        for handle in &ending {
            self.remove(*handle);
        }
        ending.len()
    }

    fn remove(&mut self, handle: Handle) {
        let Some(slot) = self.slots.get_mut(handle.index as usize) else { return };
        let Some(entry) = slot.entry.take() else { return };
        let is_denial = entry.grant.level == Level::Deny;
        self.index.remove(&entry.grant.resource, is_denial, handle.index);
        self.grants_count -= 1;
        // A place whose generations are used up is not used again.
        if let Some(generation) = slot.generation.checked_add(1) {
            slot.generation = generation;
            self.free.push(handle.index);
        }
    }

    fn handle(index: usize, slot: &Slot) -> Handle {
        Handle { index: u32::try_from(index).unwrap_or(u32::MAX), generation: slot.generation }
    }

    fn entry(&self, handle: Handle) -> Option<&Entry> {
        let slot = self.slots.get(handle.index as usize)?;
        slot.entry.as_ref().filter(|_| slot.generation == handle.generation)
    }

    fn entry_mut(&mut self, handle: Handle) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(handle.index as usize)?;
        slot.entry.as_mut().filter(|_| slot.generation == handle.generation)
    }

    /// A grant, the one it is derived from, and so on. Parents are there as long as children are.
    fn lineage(&self, handle: Handle) -> impl Iterator<Item = (Handle, &Entry)> {
        let first = self.entry(handle).map(|entry| (handle, entry));
        iter::successors(first, |(_, entry)| {
            let parent = entry.parent?;
            Some((parent, self.entry(parent)?))
        })
    }

    /// Whether a grant and all it is derived from have neither ended nor been used up.
    fn is_good(&self, handle: Handle, now: Timestamp) -> bool {
        self.entry(handle).is_some()
            && self.lineage(handle).all(|(_, entry)| {
                entry.grant.until.is_none_or(|until| now < until) && entry.uses_left != Some(0)
            })
    }

    /// On which level a grant covers a request, if it does: its own, or that of the strictest file
    /// grant that a command needs besides.
    fn covers(
        &self,
        holder: Holder,
        entry: &Entry,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Option<Level> {
        let own = entry.level();
        let (Resource::Command(rule), Request::Command { program, arguments, directory }) =
            (&entry.grant.resource, request)
        else {
            return covers(&entry.grant.resource, request).then_some(own);
        };
        let mut strictest = own;
        let may = |request: &Request<'_>| {
            let level = self.lends(holder, request, now);
            strictest = strictest.max(level.unwrap_or(own));
            level.is_some()
        };
        rule.check(*program, arguments, directory, may).is_ok().then_some(strictest)
    }

    /// On which level a holder's file grants let a command use a path. A grant whose uses are
    /// counted lends none: nobody sees how often a program opens a file.
    fn lends(&self, holder: Holder, request: &Request<'_>, now: Timestamp) -> Option<Level> {
        // Whoever reads a directory sees what it holds.
        let is_reading = matches!(request, Request::File { right: FileRight::Read, .. });
        match self.judge(holder, request, is_reading.then_some(FileRight::List), now) {
            Verdict::Covered { handle, level } if self.uses_left(handle).is_none() => Some(level),
            _ => None,
        }
    }

    /// The oldest rule that forbids a part of what a request means as a whole.
    fn denial_within(
        &self,
        holder: Holder,
        request: &Request<'_>,
        also: Option<FileRight>,
        now: Timestamp,
    ) -> Option<(u64, Handle)> {
        let denials = self.index.find(key_of_whole(request)?).filter_map(|index| {
            let slot = self.slots.get(index as usize)?;
            let entry = slot.entry.as_ref()?;
            let handle = Self::handle(index as usize, slot);
            let applies = entry.binds(holder)
                && lies_within(&entry.grant.resource, request, also)
                && self.is_good(handle, now);
            applies.then_some((entry.age, handle))
        });
        denials.min()
    }
}

impl Entry {
    /// The level as it is now.
    fn level(&self) -> Level {
        match self.grant.level {
            Level::Once if self.is_confirmed => Level::Allow,
            level => level,
        }
    }

    /// Whether a rule that forbids speaks to a holder.
    fn binds(&self, holder: Holder) -> bool {
        self.holder == holder || self.holder == Holder::AGENT
    }
}

/// The best grant so far.
#[derive(Clone, Copy)]
struct Best {
    rank: (Special, Level, bool, Reverse<u64>),
    handle: Handle,
    level: Level,
}

#[cfg(test)]
mod tests;
