//! Outputs: what a function gives back, as JSON.

use crate::json::Text;
use crate::write::Line;

/// A type that a tool can give back.
pub trait Output {
    /// Writes it as one value.
    fn write(&self, line: &mut Line<'_>);
}

impl Output for str {
    fn write(&self, line: &mut Line<'_>) {
        line.text(Text::Plain(self));
    }
}

impl<T: Output + ?Sized> Output for &T {
    fn write(&self, line: &mut Line<'_>) {
        (**self).write(line);
    }
}

impl<const N: usize> Output for heapless::String<N> {
    fn write(&self, line: &mut Line<'_>) {
        line.text(Text::Plain(self));
    }
}

impl<T: Output, const N: usize> Output for heapless::Vec<T, N> {
    fn write(&self, line: &mut Line<'_>) {
        line.list();
        for element in self {
            element.write(line);
        }
        line.end_list();
    }
}

/// What is not there is `null`.
impl<T: Output> Output for Option<T> {
    fn write(&self, line: &mut Line<'_>) {
        match self {
            Some(value) => value.write(line),
            None => line.null(),
        }
    }
}

impl Output for () {
    fn write(&self, line: &mut Line<'_>) {
        line.null();
    }
}

impl Output for bool {
    fn write(&self, line: &mut Line<'_>) {
        line.flag(*self);
    }
}

impl Output for u32 {
    fn write(&self, line: &mut Line<'_>) {
        line.unsigned((*self).into());
    }
}

impl Output for u64 {
    fn write(&self, line: &mut Line<'_>) {
        line.unsigned(*self);
    }
}

impl Output for i64 {
    fn write(&self, line: &mut Line<'_>) {
        line.integer(*self);
    }
}
