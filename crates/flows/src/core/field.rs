//! Fields: a type, its constraints and its default.

use ruff_text_size::TextSize;

use super::{
    Builder, Core, FieldCore,
    constraint::{discriminator, with_default},
};
use crate::{
    fields::FieldSpec,
    object::{Field, Obj, Outcome, Scope},
};

impl<'p> Builder<'_, 'p> {
    /// A field of a class.
    pub(super) fn field(&mut self, spec: &FieldSpec<'p>) -> Outcome<FieldCore> {
        let core = self.field_core(&spec.kind, &spec.field, &spec.scope, spec.at)?;
        let (updates, extra) = self.notes(&spec.field, &spec.scope, spec.at)?;
        let alias = spec.field.get("validation_alias").or_else(|| spec.field.get("alias"));
        let name = match alias {
            None | Some(Obj::None) => spec.name.to_string(),
            Some(Obj::Str(alias)) => alias.to_string(),
            Some(_) => return Err(spec.scope.doubt(spec.at, format!("the alias of `{}` is not followed", spec.name))),
        };
        let required = !matches!(core, Core::Default { .. });
        Ok(FieldCore { name, core, required, updates, extra })
    }

    /// The type of a field with its constraints and its default.
    pub(crate) fn field_core(
        &mut self,
        kind: &Obj<'p>,
        field: &Field<'p>,
        scope: &Scope<'p>,
        at: TextSize,
    ) -> Outcome<Core> {
        let mut core = self.constrained(kind, &field.metadata, scope, at)?;
        if let Some(discriminator) = discriminator(field) {
            core = match discriminator {
                Obj::Str(name) => self.discriminate(core, name, scope, at)?,
                _ => return Err(scope.doubt(at, "the discriminator is not followed")),
            };
        }
        with_default(core, field, scope, at)
    }
}
