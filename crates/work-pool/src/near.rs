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
            // Two letters in the wrong order are one edit.
            let distance = strsim::osa_distance(&wanted, &candidate);
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
    fn two_letters_in_the_wrong_order_are_one_edit() {
        assert_eq!(near("elt", ["etl", "cpu"]), ["etl"]);
        assert_eq!(near("ka", ["ak"]), ["ak"]);
    }
}
