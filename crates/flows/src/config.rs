//! `model_config`: what a model says of itself as a whole.

use std::rc::Rc;

use ruff_text_size::Ranged;

use crate::{
    classes::{ClassKind, PYDANTIC_DATACLASS},
    eval::END,
    names::What,
    object::{Class, Obj, Outcome},
    session::Session,
};

/// The settings that a schema shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Config<'p> {
    pub(crate) title: Option<Rc<str>>,
    /// `allow`, `forbid` or `ignore`.
    pub(crate) extra: Option<Rc<str>>,
    pub(crate) schema_extra: Option<Obj<'p>>,
    /// Classes that pydantic does not know are accepted.
    pub(crate) arbitrary: bool,
    /// Texts below fields describe them.
    pub(crate) docs: bool,
    pub(crate) min_length: Option<i128>,
    pub(crate) max_length: Option<i128>,
    /// Something that changes how instances are made or written.
    pub(crate) converts: bool,
    /// Fields may be given by their own name besides their alias.
    pub(crate) by_name: bool,
}

impl Config<'_> {
    /// The settings that show in the schema of the fields.
    pub(crate) fn shown(&self) -> (Option<Rc<str>>, Option<i128>, Option<i128>) {
        (self.extra.clone(), self.min_length, self.max_length)
    }
}

/// Settings without any effect on a schema or on plain instances.
const HARMLESS: &[&str] = &[
    "defer_build",
    "from_attributes",
    "frozen",
    "hide_input_in_errors",
    "ignored_types",
    "loc_by_alias",
    "plugin_settings",
    "protected_namespaces",
    "regex_engine",
    "revalidate_instances",
    "validate_assignment",
    "validation_error_cause",
    "cache_strings",
    "validate_by_alias",
    "serialize_by_alias",
    "orm_mode",
    "env_file",
    "env_file_encoding",
    "env_prefix",
    "env_nested_delimiter",
    "case_sensitive",
    "env_ignore_empty",
    "secrets_dir",
    "nested_model_default_partial_update",
    "cli_parse_args",
];

/// Settings that matter to instances only.
const CONVERTING: &[&str] = &[
    "allow_inf_nan",
    "coerce_numbers_to_str",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "strict",
    "use_enum_values",
    "validate_default",
    "validate_return",
    "val_json_bytes",
];

impl<'p> Session<'p> {
    /// The settings of a model or a dataclass, with those of its bases.
    pub(crate) fn config(&self, class: &Class<'p>) -> Outcome<Config<'p>> {
        let mut config = Config::default();
        let lineage = self.lineage(class)?;
        if let Ok(ClassKind::Model { settings: true, .. }) = self.kind(class) {
            config.extra = Some("forbid".into());
            config.arbitrary = true;
            config.converts = true;
        }
        for ancestor in lineage.classes.iter().rev() {
            self.read_config(&ancestor.class, &mut config)?;
        }
        Ok(config)
    }

    fn read_config(&self, class: &Class<'p>, config: &mut Config<'p>) -> Outcome<()> {
        for key in ["model_config", "__pydantic_config__"] {
            match self.in_class(class, key) {
                None => {}
                Some(value) => match value? {
                    Obj::Dict(items) => {
                        for (key, value) in items.iter() {
                            let Obj::Str(key) = key else { continue };
                            self.set_config(class, config, key, Ok(value.clone()))?;
                        }
                    }
                    _ => return Err(class.scope.doubt(class.def.start(), "`model_config` is no dictionary")),
                },
            }
        }
        if let Some(Obj::Class(old)) = self.in_class(class, "Config").transpose()? {
            self.read_old_config(&old, config)?;
        }
        for (name, arguments) in self.decorators(class)? {
            if let (PYDANTIC_DATACLASS, Some(arguments)) = (&*name, arguments) {
                let args = self.arguments(arguments, &class.scope, class.def.start());
                if let Some(Obj::Dict(items)) = args.take(None, "config")? {
                    for (key, value) in items.iter() {
                        let Obj::Str(key) = key else { continue };
                        self.set_config(class, config, key, Ok(value.clone()))?;
                    }
                }
            }
        }
        if let Ok(ClassKind::Model { .. }) = self.kind(class) {
            for keyword in class.def.0.arguments.iter().flat_map(|arguments| &arguments.keywords) {
                if let Some(name) = keyword.arg.as_ref().filter(|name| name.as_str() != "metaclass") {
                    let value = self.eval(&keyword.value, &class.scope, class.def.start());
                    self.set_config(class, config, name, value)?;
                }
            }
        }
        Ok(())
    }

    /// `class Config:` in a model.
    fn read_old_config(&self, old: &Class<'p>, config: &mut Config<'p>) -> Outcome<()> {
        let names = self.names(&old.def.0.body);
        for name in names.order.iter().filter(|name| !name.starts_with('_')) {
            let is_method = names.bindings[*name].iter().any(|binding| matches!(binding.what, What::Function(_)));
            if is_method {
                return Err(old.scope.doubt(old.def.start(), format!("`Config.{name}` is a function")));
            }
            if let Some(value) = self.bound(&names, name, &old.inside(), END) {
                self.set_config(old, config, name, value)?;
            }
        }
        Ok(())
    }

    fn set_config(
        &self,
        class: &Class<'p>,
        config: &mut Config<'p>,
        key: &str,
        value: Outcome<Obj<'p>>,
    ) -> Outcome<()> {
        let doubt = || {
            class.scope.doubt(class.def.start(), format!("the setting `{key}` of `{}` is not followed", class.name()))
        };
        if HARMLESS.contains(&key) {
            return Ok(());
        }
        if CONVERTING.contains(&key) {
            config.converts = true;
            return Ok(());
        }
        match (key, value?) {
            (_, Obj::None) => {}
            ("title", Obj::Str(title)) => config.title = Some(title),
            ("extra", Obj::Str(extra)) => config.extra = Some(extra),
            ("extra", Obj::Member(member)) => match &member.value {
                Obj::Str(extra) => config.extra = Some(Rc::clone(extra)),
                _ => return Err(doubt()),
            },
            ("json_schema_extra", value @ Obj::Dict(_)) => config.schema_extra = Some(value),
            ("arbitrary_types_allowed", Obj::Bool(value)) => config.arbitrary = value,
            ("use_attribute_docstrings", Obj::Bool(value)) => config.docs = value,
            ("populate_by_name" | "validate_by_name" | "allow_population_by_field_name", Obj::Bool(value)) => {
                config.by_name = value;
            }
            ("str_min_length" | "min_anystr_length", Obj::Int(value)) if value > 0 => config.min_length = Some(value),
            ("str_max_length" | "max_anystr_length", Obj::Int(value)) => config.max_length = Some(value),
            _ => return Err(doubt()),
        }
        Ok(())
    }
}
