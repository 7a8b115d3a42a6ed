//! x
use crate::{Layers, Object, error::Error, template::Slot};
/// x
#[derive(Default)]
pub struct Sources;
pub(crate) fn trace(_: &[(String, Slot)], _: &Object, _: Layers<'_>) -> Result<Sources, Error> {
    Ok(Sources)
}
