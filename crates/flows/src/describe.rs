//! A flow as Prefect would register it: name, description, version and parameters.

use crate::{
    Flow, Part, Unknown, docstring,
    error::Place,
    object::{Fault, FlowObject, Function, Obj, Outcome},
    parameters,
    session::Session,
};

/// Characters that Prefect does not allow in a flow's name.
const BANNED: &[char] = &['/', '%', '&', '>', '<'];

/// Why there is no description.
pub(crate) enum Refused {
    /// The flow is made of something that is not followed.
    Unclear(String),
    Name {
        name: String,
        place: Place,
    },
    Parameter {
        parameter: String,
        place: Place,
        why: &'static str,
    },
}

pub(crate) fn describe<'p>(session: &Session<'p>, flow: &FlowObject<'p>) -> Result<Flow, Refused> {
    let mut open = Open { session, unknown: Vec::new() };
    let functions = functions(flow, &mut open)?;
    let function = &functions.inner;
    let doc = docstring::of(&function.def.0.body).map(|doc| docstring::clean(&doc));
    let named = open.text(&flow.options.name, Part::Name, function);
    let described = open.text(&flow.options.description, Part::Description, function);
    let version = open.text(&flow.options.version, Part::Version, function);
    let name = named.unwrap_or_else(|| function.def.0.name.as_str().replace('_', "-"));
    if name.contains(BANNED) {
        return Err(Refused::Name { name, place: function.place() });
    }
    check_parameters(function)?;
    let parameters = parameters::of(session, function, doc.as_deref());
    let mut unknown = open.unknown;
    unknown.extend(parameters.unknown);
    Ok(Flow {
        name,
        function: function.qualified(),
        file: Some(functions.outer.scope.module.shown.clone()),
        line: Some(function.place().line),
        description: described.or(doc),
        version,
        schema: parameters.schema,
        needs: Vec::new(),
        unknown,
    })
}

/// The function that Prefect calls, and the one that it takes the signature and the docstring of.
struct Functions<'p> {
    outer: Function<'p>,
    inner: Function<'p>,
}

fn functions<'p>(flow: &FlowObject<'p>, open: &mut Open<'_, 'p>) -> Result<Functions<'p>, Refused> {
    let same = |function: &Function<'p>| Functions { outer: function.clone(), inner: function.clone() };
    match (&flow.function, &flow.written) {
        (Ok(Obj::Function(function)), _) => Ok(same(function)),
        (Ok(wrapped @ Obj::Wrapped(pair)), _) => match innermost(wrapped) {
            Some(inner) => Ok(Functions { outer: pair.0.clone(), inner }),
            None => Err(Refused::Unclear("the flow wraps something else than a function".to_owned())),
        },
        (Ok(_), _) => Err(Refused::Unclear("the flow is made of something else than a function".to_owned())),
        (Err(_), None) => Err(Refused::Unclear("the function of the flow is not known".to_owned())),
        (Err(fault), Some(written)) => {
            // The function may have another name and another docstring as well.
            let parts = [
                (Part::Name, flow.options.name.is_none()),
                (Part::Description, flow.options.description.is_none()),
                (Part::Parameters, true),
            ];
            let open_parts = parts.into_iter().filter(|(_, is_open)| *is_open);
            open.unknown.extend(open_parts.map(|(part, _)| Unknown::of(part, fault, written)));
            Ok(same(written))
        }
    }
}

/// Follow `functools.wraps` to the function at the end.
fn innermost<'p>(value: &Obj<'p>) -> Option<Function<'p>> {
    match value {
        Obj::Function(function) => Some(function.clone()),
        Obj::Wrapped(pair) if pair.1 == Obj::None => Some(pair.0.clone()),
        Obj::Wrapped(pair) => innermost(&pair.1),
        _ => None,
    }
}

struct Open<'s, 'p> {
    session: &'s Session<'p>,
    unknown: Vec<Unknown>,
}

impl<'p> Open<'_, 'p> {
    /// An option of the decorator; an empty one counts as not given.
    fn text(&mut self, option: &Option<Outcome<Obj<'p>>>, part: Part, function: &Function<'p>) -> Option<String> {
        let at = function.def.0.range.start();
        let fault: Fault = match option {
            None => return None,
            Some(Ok(Obj::Str(text))) => return (!text.is_empty()).then(|| text.to_string()),
            Some(Ok(value)) if self.session.truth(value) == Some(false) => return None,
            Some(Ok(Obj::Known(name))) => function.scope.doubt(at, format!("`{name}` is not part of the project")),
            Some(Ok(_)) => function.scope.doubt(at, "the option of @flow is no text"),
            Some(Err(fault)) => fault.clone(),
        };
        self.unknown.push(Unknown::of(part, &fault, function));
        None
    }
}

/// Names that Prefect or pydantic refuses for a parameter.
fn check_parameters(function: &Function<'_>) -> Result<(), Refused> {
    for parameter in function.def.0.parameters.iter() {
        let name = parameter.name();
        let why = match name.as_str() {
            "return_state" | "wait_for" => "is a name that Prefect reserves",
            "model_config" => "is a name that pydantic reserves",
            name if name.starts_with('_') => "begins with an underscore",
            _ => continue,
        };
        let place = function.scope.module.place(name.range.start());
        return Err(Refused::Parameter { parameter: name.as_str().to_owned(), place, why });
    }
    Ok(())
}
