//! Memory: who owns which page, and who sees it where.

pub(crate) mod frame;
pub(crate) mod heap;
pub(crate) mod kernel_space;
pub(crate) mod layout;
pub(crate) mod physical;
pub(crate) mod space;
pub(crate) mod table;
