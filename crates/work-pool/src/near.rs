//! "Did you mean": the names nearest to one that does not exist.

/// How many are named.
const MOST: usize = 3;

/// Characters of a name that is compared: comparing takes time by their square.
const LONGEST: usize = 100;

/// The known names nearest to `wanted`, nearest first; none that has little to do with it.
pub fn near<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    let wanted = plain(wanted);
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .filter_map(|name| {
            let candidate = plain(name);
            let distance = distance(&wanted, &candidate);
            // One that holds the other is near, however much longer it is: `role` and `task_role_arn`.
            let holds = wanted.len() > 2 && (candidate.contains(&wanted) || wanted.contains(&candidate));
            (distance <= allowed || holds).then_some((distance, name))
        })
        .collect();
    found.sort();
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// "Did you mean `a` or `b`?", or nothing.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let names: Vec<String> = near(wanted, known).iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("Did you mean {}?", names.join(" or ")))
}

/// Case and the kind of separator are what people get wrong without noticing.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', ' ', '.'], "_")
}

/// Edits between two names, two letters in the wrong order being one (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for i in 0..=one.len() {
        for j in 0..=other.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let substituted = rows[i - 1][j - 1] + usize::from(one[i - 1] != other[j - 1]);
                let edited = substituted.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                let swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
                if swapped { edited.min(rows[i - 2][j - 2] + 1) } else { edited }
            };
        }
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["cpu", "memory", "task_role_arn", "execution_role_arn", "cluster", "image"];

    #[test]
    fn slips_are_recognised() {
        for (wanted, expected) in [
            ("memmory", "memory"),
            ("CPU", "cpu"),
            ("taskRoleArn", "task_role_arn"),
            ("execution-role-arn", "execution_role_arn"),
            ("clsuter", "cluster"),
        ] {
            assert_eq!(near(wanted, KNOWN).first(), Some(&expected), "{wanted}");
        }
        assert_eq!(near("role", KNOWN), ["task_role_arn", "execution_role_arn"]);
    }

    #[test]
    fn what_is_far_is_not_named() {
        assert_eq!(near("retries", KNOWN), Vec::<&str>::new());
        assert_eq!(did_you_mean("x", KNOWN), None);
        assert_eq!(did_you_mean("imgae", KNOWN).unwrap(), "Did you mean `image`?");
    }

    #[test]
    fn distances_are_those_of_the_textbook() {
        for (one, other, expected) in
            [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("same", "same", 0), ("elt", "etl", 1)]
        {
            assert_eq!(distance(one, other), expected);
        }
    }
}
