//! Types as pydantic understands them, between Python's objects and the JSON schema.
//!
//! Pydantic turns a type into a core schema and that into JSON. The middle step is kept here, because constraints are
//! applied to it: whether `ge=1` shows as `minimum` depends on what the type was, not on what its JSON looks like.

mod class;
mod constraint;
mod field;
mod generic;
mod leaf;
mod types;
mod union;

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::{
    config::Config,
    object::{Exception, Fault, Obj, Outcome, Scope},
    session::Session,
};

pub(crate) use self::leaf::is_type_name;

pub(crate) type Json = Map<String, Value>;

/// Pydantic refuses the type, or Prefect cannot make a schema of it.
pub(crate) const TYPE_ERROR: Fault = Fault::Raises(Exception::Type);

#[derive(Debug, Clone)]
pub(crate) enum Core {
    Any,
    /// A type with a schema of its own. The kind is pydantic's name of the core schema.
    Leaf {
        kind: &'static str,
        json: Json,
    },
    /// Lists, sets and the like.
    Items {
        kind: &'static str,
        items: Box<Core>,
        unique: bool,
        limits: Json,
    },
    Tuple {
        items: Vec<Core>,
        variadic: bool,
        limits: Json,
    },
    Mapping {
        kind: &'static str,
        keys: Box<Core>,
        values: Box<Core>,
        limits: Json,
    },
    Json(Box<Core>),
    Union(Vec<Core>),
    /// A union whose members are told apart by a field.
    Tagged {
        property: Rc<str>,
        choices: Vec<(String, Core)>,
    },
    Nullable(Box<Core>),
    /// A definition, by its index.
    Ref(usize),
    /// A default; none if it is made by a factory or has no JSON.
    Default {
        inner: Box<Core>,
        value: Option<Value>,
    },
    /// Keys that are written over the inner schema's. As a `function`, it is a schema of its own around the inner one.
    Noted {
        inner: Box<Core>,
        updates: Json,
        extra: Json,
        function: bool,
    },
    /// A type without a JSON schema, such as a callable.
    Invalid,
}

impl Core {
    pub(crate) fn leaf(kind: &'static str, json: Json) -> Self {
        Self::Leaf { kind, json }
    }

    /// Pydantic's name of the core schema.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Leaf { kind, .. } | Self::Items { kind, .. } | Self::Mapping { kind, .. } => kind,
            Self::Tuple { .. } => "tuple",
            Self::Json(_) => "json",
            Self::Union(_) => "union",
            Self::Tagged { .. } => "tagged-union",
            Self::Nullable(_) => "nullable",
            Self::Ref(_) => "definition-ref",
            Self::Default { .. } => "default",
            Self::Noted { function: true, .. } => "function-after",
            Self::Noted { inner, .. } => inner.kind(),
            Self::Invalid => "callable",
        }
    }

    /// Whether a field of this type gets its title from its name.
    pub(crate) fn wants_title(&self) -> bool {
        match self {
            Self::Ref(_) => false,
            Self::Default { inner, .. } | Self::Nullable(inner) | Self::Noted { inner, .. } => inner.wants_title(),
            _ => true,
        }
    }
}

/// A named schema.
#[derive(Debug)]
pub(crate) struct Definition {
    /// What is the same has the same key.
    key: String,
    /// The name it gets if no other definition wants it, and the longer one with the module.
    pub(crate) names: [String; 2],
    pub(crate) body: Body,
    /// The settings it was built with, for a class.
    shown: Option<Shown>,
}

/// What of a class's settings shows in the schema of its fields.
type Shown = (Option<Rc<str>>, Option<i128>, Option<i128>);

#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// Being built.
    Open,
    /// It could not be built.
    Failed(Fault),
    Core(Core),
    /// An object with fields, and what is known of its class.
    Fields {
        fields: Vec<FieldCore>,
        class: ClassJson,
    },
    /// A named tuple.
    Tuple(Vec<FieldCore>),
    /// A root model.
    Root {
        field: Box<FieldCore>,
        class: ClassJson,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct FieldCore {
    /// The key in the schema.
    pub(crate) name: String,
    pub(crate) core: Core,
    pub(crate) required: bool,
    pub(crate) updates: Json,
    pub(crate) extra: Json,
}

/// What a class adds to the schema of its fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassJson {
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) additional: Option<bool>,
    pub(crate) extra: Json,
}

/// Turns objects into [`Core`], gathering definitions.
pub(crate) struct Builder<'s, 'p> {
    pub(crate) session: &'s Session<'p>,
    pub(crate) definitions: Vec<Definition>,
    /// The settings of the class around, Prefect's at the top.
    config: Config<'p>,
    /// What type parameters stand for.
    given: Vec<(Obj<'p>, Obj<'p>)>,
    /// Where quoted types are looked up; none among the parameters of a flow, where Prefect looks in a module of its own.
    quotes: Option<Scope<'p>>,
}

impl<'s, 'p> Builder<'s, 'p> {
    pub(crate) fn new(session: &'s Session<'p>) -> Self {
        let config = Config { arbitrary: true, ..Config::default() };
        Self { session, definitions: Vec::new(), config, given: Vec::new(), quotes: None }
    }

    /// A reference to the definition of this key, built if it is new.
    fn define(
        &mut self,
        key: String,
        names: [String; 2],
        build: impl FnOnce(&mut Self) -> Outcome<Body>,
    ) -> Outcome<Core> {
        if let Some(index) = self.definitions.iter().position(|definition| definition.key == key) {
            return match &self.definitions[index].body {
                Body::Failed(fault) => Err(fault.clone()),
                _ => Ok(Core::Ref(index)),
            };
        }
        let index = self.definitions.len();
        self.definitions.push(Definition { key, names, body: Body::Open, shown: None });
        let body = build(self);
        self.definitions[index].body = body.clone().unwrap_or_else(Body::Failed);
        body.map(|_| Core::Ref(index))
    }
}

/// `{"key": value}`.
pub(crate) fn json<const N: usize>(pairs: [(&str, Value); N]) -> Json {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
