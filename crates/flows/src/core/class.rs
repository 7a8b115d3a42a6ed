//! Classes: models, dataclasses, typed dictionaries, named tuples and enums.

use std::rc::Rc;

use ruff_text_size::TextSize;
use serde_json::Value;

use super::{Body, Builder, ClassJson, Core, FieldCore, Json, generic::Generic};
use crate::{
    classes::{ClassKind, start_of},
    config::Config,
    default, docstring,
    fields::FieldSpec,
    object::{Class, Made, NamedField, Obj, Outcome, Scope},
    session::Session,
};

impl<'p> Builder<'_, 'p> {
    pub(super) fn class(&mut self, class: &Class<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        self.class_of(class, &Generic::default(), scope, at)
    }

    /// A class, its type parameters filled in.
    pub(super) fn class_of(
        &mut self,
        class: &Class<'p>,
        generic: &Generic<'p>,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        let kind = self.session.kind(class)?;
        match kind {
            ClassKind::Plain => return self.instance(scope, at),
            ClassKind::Enum => return self.enumeration(&Obj::Class(class.clone()), scope, at),
            _ => {}
        }
        let key = format!("{}#{}{}", class.scope.module.path.display(), start_of(class).to_u32(), generic.key());
        let names = generic.names(class.name(), &class.scope.module.name, &class.qualified());
        let own = self.session.config(class)?;
        let inherits =
            matches!(kind, ClassKind::Dataclass { pydantic: false } | ClassKind::TypedDict | ClassKind::NamedTuple);
        // A class without settings of its own takes those of the model around it.
        let config = if inherits && own == Config::default() { self.config.clone() } else { own };
        let shown = config.shown();
        let core = self.define(key, names, |builder| builder.body_of(class, kind, generic, config))?;
        if let Core::Ref(index) = core {
            let definition = &mut self.definitions[index];
            if definition.shown.get_or_insert_with(|| shown.clone()) != &shown {
                let why = format!("`{}` is used in models with different settings", class.name());
                return Err(scope.doubt(at, why));
            }
        }
        Ok(core)
    }

    /// Build the body of a class in its own surroundings.
    fn body_of(
        &mut self,
        class: &Class<'p>,
        kind: ClassKind,
        generic: &Generic<'p>,
        config: Config<'p>,
    ) -> Outcome<Body> {
        let config = std::mem::replace(&mut self.config, config);
        let given = std::mem::replace(&mut self.given, generic.given.clone());
        let quotes = self.quotes.replace(class.inside());
        let body = self.class_body(class, kind, generic);
        (self.config, self.given, self.quotes) = (config, given, quotes);
        body
    }

    fn class_body(&mut self, class: &Class<'p>, kind: ClassKind, generic: &Generic<'p>) -> Outcome<Body> {
        if kind == ClassKind::NamedTuple {
            let fields = self.session.named_fields(class)?;
            return self.tuple_fields(&fields, &class.inside(), start_of(class)).map(Body::Tuple);
        }
        if let ClassKind::Model { root: true, .. } = kind {
            return self.root_model(class);
        }
        let specs = self.session.fields(class, kind)?;
        let mut fields = Vec::with_capacity(specs.len());
        for spec in &specs {
            fields.push(self.any_field(spec, kind)?);
        }
        let mut json = self.class_json(class, kind, &generic.shown(class.name()))?;
        if !generic.given.is_empty() {
            // Pydantic makes a class of its own for each set of type arguments, without a docstring.
            json.description = None;
        }
        Ok(Body::Fields { fields, class: json })
    }

    fn any_field(&mut self, spec: &FieldSpec<'p>, kind: ClassKind) -> Outcome<FieldCore> {
        let mut field = self.field(spec)?;
        if kind == ClassKind::TypedDict {
            field.required = spec.required;
        }
        Ok(field)
    }

    fn root_model(&mut self, class: &Class<'p>) -> Outcome<Body> {
        let kind = ClassKind::Model { root: true, settings: false };
        let specs = self.session.fields(class, kind)?;
        let spec = match specs.into_iter().find(|spec| *spec.name == *"root") {
            Some(spec) => spec,
            None => {
                let lineage = self.session.lineage(class)?;
                let args = lineage.known.into_iter().find(|(name, _)| **name == *"pydantic.RootModel");
                let Some([root]) = args.as_ref().map(|(_, args)| args.as_slice()) else {
                    return Err(class.scope.doubt(start_of(class), "the root of the model is not followed"));
                };
                let scope = class.inside();
                let inspected = self.session.inspect(root.clone(), &scope, start_of(class))?;
                let field = Session::merge(inspected.metadata, None)?;
                FieldSpec {
                    name: "root".into(),
                    kind: inspected.kind,
                    field,
                    scope,
                    at: start_of(class),
                    keyword_only: false,
                    required: true,
                }
            }
        };
        let field = Box::new(self.field(&spec)?);
        let class = self.class_json(class, kind, class.name())?;
        Ok(Body::Root { field, class })
    }

    fn class_json(&mut self, class: &Class<'p>, kind: ClassKind, title: &str) -> Outcome<ClassJson> {
        let config = self.session.config(class)?;
        let schema_extra = match &config.schema_extra {
            None => Json::new(),
            Some(extra) => match default::encode(extra, &class.scope, start_of(class))? {
                Some(Value::Object(extra)) => extra,
                _ => return Err(class.scope.doubt(start_of(class), "`json_schema_extra` has no JSON")),
            },
        };
        let extra = config.extra.clone().or_else(|| match kind {
            // These take the setting of the model around them.
            ClassKind::Dataclass { .. } | ClassKind::TypedDict => self.config.extra.clone(),
            _ => None,
        });
        let is_signature = |doc: &String| {
            matches!(kind, ClassKind::Dataclass { .. }) && doc.starts_with(&format!("{}(", class.name()))
        };
        let doc = docstring::of(&class.def.0.body);
        Ok(ClassJson {
            title: config.title.as_deref().unwrap_or(title).to_owned(),
            description: doc.filter(|doc| !doc.is_empty() && !is_signature(doc)).map(|doc| docstring::clean(&doc)),
            additional: match extra.as_deref() {
                Some("allow") => Some(true),
                Some("forbid") => Some(false),
                _ => None,
            },
            extra: schema_extra,
        })
    }

    /// `BaseModel` itself.
    pub(super) fn base_model(&mut self) -> Outcome<Core> {
        let names = ["BaseModel".to_owned(), "pydantic__main__BaseModel".to_owned()];
        let class = ClassJson { title: "BaseModel".to_owned(), ..ClassJson::default() };
        self.define("BaseModel".to_owned(), names, |_| Ok(Body::Fields { fields: Vec::new(), class }))
    }

    pub(super) fn enumeration(&mut self, of: &Obj<'p>, scope: &Scope<'p>, at: TextSize) -> Outcome<Core> {
        let (name, module, qualified, start, doc) = match of {
            Obj::Class(class) => {
                let doc = docstring::of(&class.def.0.body);
                (class.name().to_owned(), class.scope.module, class.qualified(), start_of(class), doc)
            }
            Obj::Made(made) => (made.name.to_string(), made.scope.module, made.name.to_string(), made.at, None),
            _ => return Err(scope.doubt(at, "the annotation is no enum")),
        };
        let key = format!("{}#{}", module.path.display(), start.to_u32());
        let names = Generic::default().names(&name, &module.name, &qualified);
        self.define(key, names, |builder| {
            let json = builder.enum_json(of, name, doc, scope, at)?;
            Ok(Body::Core(Core::leaf("enum", json)))
        })
    }

    fn enum_json(
        &mut self,
        of: &Obj<'p>,
        name: String,
        doc: Option<String>,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Json> {
        let members = self.session.members(of)?;
        if members.is_empty() {
            return Err(scope.doubt(at, format!("the enum `{name}` has no members")));
        }
        let mut values = Vec::with_capacity(members.len());
        for member in &members {
            let value = default::encode(&member.value, scope, at)?;
            values.push(value.ok_or_else(|| scope.doubt(at, format!("`{name}.{}` has no JSON", member.name)))?);
        }
        let mut json = super::json([("title", name.into())]);
        let doc = doc.filter(|doc| !doc.is_empty()).map(|doc| docstring::clean(&doc));
        json.extend(doc.filter(|doc| doc != "An enumeration.").map(|doc| ("description".to_owned(), doc.into())));
        json.extend(default::common_type(&values).map(|kind| ("type".to_owned(), kind.into())));
        json.insert("enum".to_owned(), Value::Array(values));
        Ok(json)
    }

    pub(super) fn named_tuple(
        &mut self,
        name: &Rc<str>,
        scope: &Scope<'p>,
        at: TextSize,
        fields: &[NamedField<'p>],
    ) -> Outcome<Core> {
        let key = format!("{}#{}", scope.module.path.display(), at.to_u32());
        let names = Generic::default().names(name, &scope.module.name, name);
        self.define(key, names, |builder| builder.tuple_fields(fields, scope, at).map(Body::Tuple))
    }

    fn tuple_fields(&mut self, fields: &[NamedField<'p>], scope: &Scope<'p>, at: TextSize) -> Outcome<Vec<FieldCore>> {
        let each = fields.iter().map(|named| {
            let annotation = named.annotation.clone().unwrap_or_else(|| Obj::known("typing.Any"));
            let inspected = self.session.inspect(annotation, scope, at)?;
            let field = Session::merge(inspected.metadata, named.default.clone())?;
            self.field(&FieldSpec {
                name: Rc::clone(&named.name),
                kind: inspected.kind,
                field,
                scope: scope.clone(),
                at,
                keyword_only: false,
                required: true,
            })
        });
        each.collect()
    }

    pub(super) fn made_typed_dict(
        &mut self,
        made: &Rc<Made<'p>>,
        fields: &[(Rc<str>, Obj<'p>)],
        total: bool,
    ) -> Outcome<Core> {
        let scope = &made.scope;
        let key = format!("{}#{}", scope.module.path.display(), made.at.to_u32());
        let names = Generic::default().names(&made.name, &scope.module.name, &made.name);
        self.define(key, names, |builder| {
            let quotes = builder.quotes.replace(scope.clone());
            let fields = fields.iter().map(|(name, kind)| builder.made_field(made, name, kind, total));
            let fields = fields.collect::<Outcome<Vec<_>>>();
            builder.quotes = quotes;
            let class = ClassJson { title: made.name.to_string(), ..ClassJson::default() };
            Ok(Body::Fields { fields: fields?, class })
        })
    }

    fn made_field(&mut self, made: &Made<'p>, name: &Rc<str>, kind: &Obj<'p>, total: bool) -> Outcome<FieldCore> {
        let inspected = self.session.inspect(kind.clone(), &made.scope, made.at)?;
        let has = |name: &str| inspected.qualifiers.iter().any(|qualifier| **qualifier == *name);
        let required = (total || has("typing.Required")) && !has("typing.NotRequired");
        let field = Session::merge(inspected.metadata, None)?;
        let spec = FieldSpec {
            name: Rc::clone(name),
            kind: inspected.kind,
            field,
            scope: made.scope.clone(),
            at: made.at,
            keyword_only: false,
            required,
        };
        self.any_field(&spec, ClassKind::TypedDict)
    }
}
