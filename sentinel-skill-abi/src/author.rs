//! What authors write: parameters, outputs, tools, and the skill around them.
//!
//! # Not here
//! A procedural macro: what these need, `macro_rules` can say, and nothing has to be compiled for
//! the machine that compiles.

/// A struct of parameters. The comment above each is what a model is told about it.
///
/// The types are those of [`Parameter`](crate::Parameter): [`String<N>`](crate::String), whole
/// numbers, `bool`, [`Handle`](crate::Handle), [`Vec<T, N>`](crate::Vec) of them, what
/// [`choice!`](crate::choice) makes, and `Option` of any, which may be left out.
#[macro_export]
macro_rules! parameters {
    (
        $(#[$about:meta])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident: $kind:ty ),* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        $visibility struct $name {
            $( $(#[doc = $doc])+ $field: $kind, )*
        }

        impl $crate::Parameters for $name {
            const FIELDS: &'static [$crate::parameter::Field] = &[
                $( $crate::parameter::Field {
                    name: ::core::stringify!($field),
                    description: &[$($doc),+],
                    kind: <$kind as $crate::Parameter>::KIND,
                    is_optional: <$kind as $crate::Parameter>::IS_OPTIONAL,
                }, )*
            ];

            fn read(
                arguments: $crate::json::Value<'_>,
            ) -> ::core::result::Result<Self, $crate::Failure> {
                let names = [$( ::core::stringify!($field) ),*];
                let fields = $crate::parameter::fields(arguments, &names)?;
                let mut index = 0..names.len();
                let _ = (&fields, &mut index);
                ::core::result::Result::Ok(Self {
                    $( $field: $crate::parameter::field(
                        index.next().and_then(|index| fields.at(index)),
                        ::core::stringify!($field),
                    )?, )*
                })
            }
        }
    };
}

/// A struct that a tool gives back: an object with these keys.
#[macro_export]
macro_rules! output {
    (
        $(#[$about:meta])*
        $visibility:vis struct $name:ident {
            $( $(#[$doc:meta])* $field:ident: $kind:ty ),* $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        $visibility struct $name {
            $( $(#[$doc])* $field: $kind, )*
        }

        impl $crate::Output for $name {
            fn write(&self, line: &mut $crate::Line<'_>) {
                line.object();
                $(
                    line.key(::core::stringify!($field));
                    $crate::Output::write(&self.$field, line);
                )*
                line.end_object();
            }
        }
    };
}

/// An enum of words, one of which a parameter is.
#[macro_export]
macro_rules! choice {
    (
        $(#[$about:meta])*
        $visibility:vis enum $name:ident {
            $( $(#[$doc:meta])* $variant:ident = $word:literal ),+ $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $name {
            $( $(#[$doc])* $variant, )+
        }

        impl $crate::Parameter for $name {
            const KIND: $crate::parameter::Kind = $crate::parameter::Kind::Choice(&[$($word),+]);

            fn read(value: $crate::json::Value<'_>) -> ::core::option::Option<Self> {
                let text = value.text()?;
                $(
                    if text == $crate::json::Text::Plain($word) {
                        return ::core::option::Option::Some(Self::$variant);
                    }
                )+
                ::core::option::Option::None
            }
        }
    };
}

/// Tools: functions that take parameters and a [`Host`](crate::Host), with what they do above them.
#[macro_export]
macro_rules! tools {
    ( $( $(#[doc = $doc:literal])+ $tool:ident($parameters:ty); )+ ) => {
        [ $( $crate::Tool {
            name: ::core::stringify!($tool),
            description: &[$($doc),+],
            parameters: <$parameters as $crate::Parameters>::FIELDS,
            run: |host| {
                let parameters: $parameters = host.arguments()?;
                let output = $tool(parameters, host)?;
                host.finish(&output)
            },
        }, )+ ]
    };
}

/// The whole of a skill: its name, its version and its [`tools!`](crate::tools). On Linux, with the
/// feature `std`, it has a `main`; in WASM the export `run` and a panic handler; elsewhere a host
/// runs `SKILL`.
#[macro_export]
macro_rules! skill {
    ( $name:literal, $release:expr, { $($tools:tt)+ } ) => {
        /// What this is.
        pub static SKILL: $crate::Skill =
            $crate::Skill { name: $name, release: $release, tools: &$crate::tools! { $($tools)+ } };

        $crate::entry!(SKILL);
    };
}

/// How a skill begins on Linux.
#[cfg(all(feature = "std", not(target_family = "wasm")))]
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($skill:ident) => {
        fn main() -> ::std::process::ExitCode {
            $crate::program::run(&$skill)
        }
    };
}

/// How a skill begins in WASM.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($skill:ident) => {
        /// Is the skill, until there is nothing more to come.
        // SAFETY: no other symbol of a module has this name.
        #[unsafe(no_mangle)]
        pub extern "C" fn run() -> i32 {
            $crate::wasm::run(&$skill)
        }

        #[panic_handler]
        fn panic(_: &::core::panic::PanicInfo<'_>) -> ! {
            ::core::arch::wasm32::unreachable()
        }
    };
}

/// How a skill begins elsewhere: whoever holds it runs it.
#[cfg(not(any(feature = "std", target_family = "wasm")))]
#[doc(hidden)]
#[macro_export]
macro_rules! entry {
    ($skill:ident) => {};
}
