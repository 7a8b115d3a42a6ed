//! Members of enums.

use std::rc::Rc;

use crate::{
    eval::{END, equals},
    names::What,
    object::{Class, MadeKind, Member, Obj, Outcome},
    session::Session,
};

/// What `auto()` counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Auto {
    Numbers,
    Names,
    Bits,
    Unknown,
}

impl<'p> Session<'p> {
    /// The members of an enum in the order of their definition, aliases among them.
    pub(crate) fn members(&self, of: &Obj<'p>) -> Outcome<Vec<Rc<Member<'p>>>> {
        let values = match of {
            Obj::Class(class) => self.class_members(class)?,
            Obj::Made(made) => match &made.kind {
                MadeKind::Enum { members, mixin } => {
                    let convert = |(name, value): &(Rc<str>, Obj<'p>)| {
                        let value = mixed(value.clone(), mixin.as_deref());
                        let value = value
                            .ok_or_else(|| made.scope.doubt(made.at, format!("the value of `{name}` is converted")));
                        Ok((Rc::clone(name), value?))
                    };
                    members.iter().map(convert).collect::<Outcome<Vec<_>>>()?
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let mut members: Vec<Rc<Member<'p>>> = Vec::with_capacity(values.len());
        for (name, value) in values {
            let same = members.iter().find(|member| equals(&member.value, &value)).cloned();
            members.push(same.unwrap_or_else(|| Rc::new(Member { of: of.clone(), name, value })));
        }
        Ok(members)
    }

    /// The member called `name`.
    pub(crate) fn member(&self, of: &Obj<'p>, name: &str) -> Option<Outcome<Obj<'p>>> {
        let members = match self.members(of) {
            Ok(members) => members,
            Err(fault) => return Some(Err(fault)),
        };
        let names: Vec<Rc<str>> = match of {
            Obj::Class(class) => self.member_names(class).into_iter().map(Into::into).collect(),
            Obj::Made(made) => match &made.kind {
                MadeKind::Enum { members, .. } => members.iter().map(|(name, _)| Rc::clone(name)).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        let index = names.iter().position(|member| **member == *name)?;
        members.get(index).map(|member| Ok(Obj::Member(Rc::clone(member))))
    }

    /// The names that an enum's body binds to values.
    fn member_names(&self, class: &Class<'p>) -> Vec<&'p str> {
        let names = self.names(&class.def.0.body);
        let is_value = |name: &&str| {
            let is_reserved = name.starts_with("__") || name.starts_with('_') && name.ends_with('_');
            let bindings = &names.bindings[*name];
            !is_reserved && bindings.iter().all(|binding| !matches!(binding.what, What::Function(_)))
        };
        names.order.iter().copied().filter(|name| is_value(name)).collect()
    }

    fn class_members(&self, class: &Class<'p>) -> Outcome<Vec<(Rc<str>, Obj<'p>)>> {
        let (mixin, auto) = self.enum_nature(class)?;
        let scope = class.inside();
        let names = self.names(&class.def.0.body);
        let mut values: Vec<(Rc<str>, Obj<'p>)> = Vec::new();
        for name in self.member_names(class) {
            let doubt =
                |why: &str| class.scope.doubt(class.def.0.range.start(), format!("`{}.{name}` {why}", class.name()));
            let value = match self.bound(&names, name, &scope, END) {
                Some(value) => value?,
                None => continue,
            };
            let value = match value {
                Obj::Auto => {
                    next(auto, name, &values).ok_or_else(|| doubt("is counted in a way that is not followed"))?
                }
                Obj::Class(_) | Obj::Opaque | Obj::Lambda(..) | Obj::Function(_) | Obj::Known(_) | Obj::Method(_) => {
                    return Err(doubt("may not be a member"));
                }
                value => value,
            };
            let value = mixed(value, mixin.as_deref()).ok_or_else(|| doubt("is converted"))?;
            values.push((name.into(), value));
        }
        Ok(values)
    }

    /// The type that is mixed into an enum, and what `auto()` does in it.
    fn enum_nature(&self, class: &Class<'p>) -> Outcome<(Option<Rc<str>>, Auto)> {
        let lineage = self.lineage(class)?;
        let mut mixin: Option<Rc<str>> = None;
        let mut auto = Auto::Numbers;
        for (name, _) in lineage.known.iter().rev() {
            match &**name {
                "enum.IntEnum" => mixin = Some("builtins.int".into()),
                "enum.StrEnum" => (mixin, auto) = (Some("builtins.str".into()), Auto::Names),
                "enum.Flag" => auto = Auto::Bits,
                "enum.IntFlag" => (mixin, auto) = (Some("builtins.int".into()), Auto::Bits),
                "builtins.str" if auto != Auto::Names => (mixin, auto) = (Some(Rc::clone(name)), Auto::Unknown),
                "builtins.int" | "builtins.float" => mixin = Some(Rc::clone(name)),
                "enum.Enum" | "abc.ABC" | "builtins.object" | "builtins.str" => {}
                _ => {
                    let why = format!("`{}` mixes in `{name}`", class.name());
                    return Err(class.scope.doubt(class.def.0.range.start(), why));
                }
            }
        }
        for ancestor in &lineage.classes {
            for special in ["__new__", "_value_", "_ignore_"] {
                if self.defines(&ancestor.class, special) {
                    let why = format!("`{}` defines `{special}`", ancestor.class.name());
                    return Err(class.scope.doubt(class.def.0.range.start(), why));
                }
            }
            if self.defines(&ancestor.class, "_generate_next_value_") {
                auto = Auto::Unknown;
            }
        }
        Ok((mixin, auto))
    }
}

/// The value of a member as the mixed-in type keeps it.
fn mixed<'p>(value: Obj<'p>, mixin: Option<&str>) -> Option<Obj<'p>> {
    match (mixin, value) {
        (None, value) => Some(value),
        (Some("builtins.str"), value @ Obj::Str(_)) => Some(value),
        (Some("builtins.int"), value @ Obj::Int(_)) => Some(value),
        (Some("builtins.float"), value @ Obj::Float(_)) => Some(value),
        (Some("builtins.float"), Obj::Int(value)) => Some(Obj::Float(value as f64)),
        _ => None,
    }
}

fn next<'p>(auto: Auto, name: &str, before: &[(Rc<str>, Obj<'p>)]) -> Option<Obj<'p>> {
    let numbers = before.iter().map(|(_, value)| if let Obj::Int(value) = value { Some(*value) } else { None });
    match auto {
        Auto::Names => Some(Obj::str(&name.to_lowercase())),
        Auto::Unknown => None,
        Auto::Numbers => {
            let numbers: Vec<i128> = numbers.collect::<Option<_>>()?;
            let last = numbers.last().copied().unwrap_or(0);
            // Older Pythons go on from the last value, newer ones from the largest.
            (numbers.iter().all(|number| *number <= last)).then_some(Obj::Int(last + 1))
        }
        Auto::Bits => {
            let numbers: Vec<i128> = numbers.collect::<Option<_>>()?;
            let largest = numbers.iter().copied().max().unwrap_or(0);
            let bits = i128::BITS - largest.max(0).leading_zeros();
            (bits < 100).then(|| Obj::Int(1 << bits))
        }
    }
}
