//! Which deployments of a file a command means.

use diagnosis::PP0703;
use work_pool::did_you_mean;

use crate::{
    draft::Draft,
    problem::{Findings, Problem},
};

/// Whether a text fits a pattern, in which `*` stands for any characters.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The names under which a deployment can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Its name with and without placeholders.
    pub(crate) own: Vec<String>,
    /// Names of its flow: by its function, and by its decorator if that says so.
    pub(crate) flows: Vec<String>,
}

impl Names {
    fn fit(&self, pattern: &str) -> bool {
        let own = |pattern: &str| self.own.iter().any(|name| fits(pattern, name));
        // A name may hold a slash of its own, and so may a placeholder.
        own(pattern)
            || pattern
                .split_once('/')
                .is_some_and(|(flow, name)| own(name) && self.flows.iter().any(|it| fits(flow, it)))
    }
}

/// Which of the deployments to make, by their index.
pub(crate) fn select(
    names: &[Names],
    drafts: &[Draft],
    patterns: &[String],
    all: bool,
    findings: &mut Findings,
) -> Vec<usize> {
    if all && !patterns.is_empty() {
        findings.problem(Problem::new(PP0703, "--all and --name exclude each other"));
        return Vec::new();
    }
    if !patterns.is_empty() {
        return by_pattern(names, patterns, findings);
    }
    let named: Vec<usize> = (0..drafts.len()).filter(|index| !drafts[*index].is_blank()).collect();
    if !all && named.len() > 1 {
        let list: Vec<&str> = names.iter().flat_map(|it| it.own.first()).map(String::as_str).collect();
        findings.problem(
            Problem::new(PP0703, format!("the file has {} deployments, and none is named", named.len()))
                .help(format!("Name some with `-n`, or take all with `--all`: {}.", list.join(", "))),
        );
        return Vec::new();
    }
    named
}

fn by_pattern(names: &[Names], patterns: &[String], findings: &mut Findings) -> Vec<usize> {
    let mut selected = Vec::new();
    for pattern in patterns {
        let fitting: Vec<usize> = (0..names.len()).filter(|index| names[*index].fit(pattern)).collect();
        if fitting.is_empty() {
            findings.problem(no_such(pattern, names));
        }
        selected.extend(fitting);
    }
    selected.sort_unstable();
    selected.dedup();
    selected
}

fn no_such(pattern: &str, names: &[Names]) -> Problem {
    let mut known: Vec<&str> = names.iter().flat_map(|it| it.own.iter().map(String::as_str)).collect();
    known.sort_unstable();
    known.dedup();
    let help = did_you_mean(pattern, known.iter().copied()).unwrap_or_else(|| match known.is_empty() {
        true => "The file has no deployments with a name.".to_owned(),
        false => format!("The file has: {}.", known.join(", ")),
    });
    Problem::new(PP0703, format!("no deployment \"{pattern}\" in the file")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[(&str, &str)]) -> Vec<Names> {
        let names =
            |(name, flow): &(&str, &str)| Names { own: vec![(*name).to_owned()], flows: vec![(*flow).to_owned()] };
        list.iter().map(names).collect()
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, text) in [("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*c", "abc"), ("*b*", "abc"), ("abc", "abc")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*b", "abc"), ("*x*", "abc"), ("ab*bc", "abc"), ("", "a")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_match_names_and_flows_with_names() {
        let names = names(&[("daily", "etl"), ("hourly", "etl"), ("daily", "report")]);
        let select = |patterns: &[&str]| {
            let mut findings = Findings::default();
            let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
            let found = by_pattern(&names, &patterns, &mut findings);
            (found, findings.problems.iter().map(|it| format!("{it}. {}", it.help)).collect::<Vec<_>>())
        };
        assert_eq!(select(&["daily"]).0, [0, 2]);
        assert_eq!(select(&["etl/*"]).0, [0, 1]);
        assert_eq!(select(&["*/daily", "hourly"]).0, [0, 1, 2]);
        let (found, problems) = select(&["dayly"]);
        assert_eq!(found, [] as [usize; 0]);
        assert_eq!(problems, ["no deployment \"dayly\" in the file. Did you mean `daily`?"]);
    }
}
