//! Time zones by the names that Prefect takes: those of the IANA database, exactly as written there.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Compiled in, so that a check gives the same answer on every machine.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Abbreviations that people write and that name no zone.
const ABBREVIATIONS: [(&str, &str); 14] = [
    ("AEST", "Australia/Sydney"),
    ("BST", "Europe/London"),
    ("CDT", "America/Chicago"),
    ("CEST", "Europe/Paris"),
    ("CST", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("EEST", "Europe/Athens"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("MDT", "America/Denver"),
    ("PDT", "America/Los_Angeles"),
    ("PST", "America/Los_Angeles"),
    ("SGT", "Asia/Singapore"),
];

/// Below this similarity (Jaro-Winkler) a suggestion would be a guess.
const SIMILAR: f64 = 0.87;

/// Longer names resemble none; comparing them would take long.
const LONGEST: usize = 60;

/// The zone of a name. `Factory` is in the database and means "not set".
pub(crate) fn find(name: &str) -> Option<TimeZone> {
    let zone = ZONES.get(name).ok()?;
    (zone.iana_name() == Some(name) && name != "Factory").then_some(zone)
}

/// The name that was probably meant.
pub(crate) fn nearest(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    if let Some(etc) = offset(name) {
        return Some(etc);
    }
    let plain = simplified(name);
    if let Some((_, zone)) = ABBREVIATIONS.iter().find(|(short, _)| short.eq_ignore_ascii_case(&plain)) {
        return Some((*zone).to_owned());
    }
    let mut best: Option<(f64, String)> = None;
    for known in ZONES.available() {
        let known = known.as_str();
        let full = simplified(known);
        let city = full.rsplit('/').next().unwrap_or(&full);
        let similarity = strsim::jaro_winkler(&plain, &full).max(strsim::jaro_winkler(&plain, city) - 0.01);
        if similarity >= SIMILAR
            && known != "Factory"
            && best.as_ref().is_none_or(|(least, name)| (similarity, name.as_str()) > (*least, known))
        {
            best = Some((similarity, known.to_owned()));
        }
    }
    best.map(|(_, name)| name)
}

/// The names of all zones, sorted.
#[must_use]
pub fn names() -> Vec<String> {
    let mut names: Vec<String> =
        ZONES.available().map(|name| name.as_str().to_owned()).filter(|name| name != "Factory").collect();
    names.sort();
    names
}

/// The name of this machine's zone; UTC if it has none that Prefect takes.
#[must_use]
pub fn local() -> String {
    let system = TimeZone::system();
    system.iana_name().filter(|name| find(name).is_some()).unwrap_or("UTC").to_owned()
}

/// `UTC+2`, `GMT-05:00`, `+02:00`: the zone with that offset, whose name has the opposite sign.
fn offset(name: &str) -> Option<String> {
    let upper = name.trim().to_ascii_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper);
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => ('-', digits),
        ("-", digits) => ('+', digits),
        _ => return None,
    };
    let hours = digits.strip_suffix(":00").or_else(|| digits.strip_suffix("00")).unwrap_or(digits);
    let hours: u8 = hours.parse().ok()?;
    let zone = if hours == 0 { "UTC".to_owned() } else { format!("Etc/GMT{sign}{hours}") };
    find(&zone).map(|_| zone)
}

fn simplified(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_exactly_as_the_database_has_them() {
        for name in
            ["UTC", "Europe/Madrid", "America/Argentina/Buenos_Aires", "Etc/GMT+4", "EST5EDT", "US/Eastern", "GB"]
        {
            assert!(find(name).is_some(), "{name}");
        }
        for name in ["", "europe/madrid", "Mars/Olympus", "UTC+2", "Factory", "localtime", "Europe/Madrid ", "../UTC"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_right_one() {
        for (wrong, right) in [
            ("europe/madrid", "Europe/Madrid"),
            ("Europe/Madird", "Europe/Madrid"),
            ("New York", "America/New_York"),
            ("America/New York", "America/New_York"),
            ("Berlin", "Europe/Berlin"),
            ("PST", "America/Los_Angeles"),
            ("UTC+2", "Etc/GMT-2"),
            ("GMT-05:00", "Etc/GMT+5"),
            ("+0000", "UTC"),
            ("utc", "UTC"),
        ] {
            assert_eq!(nearest(wrong).as_deref(), Some(right), "{wrong}");
        }
        assert_eq!(nearest("Mars/Olympus"), None);
        assert_eq!(nearest(""), None);
    }
}
