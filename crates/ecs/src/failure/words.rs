//! What AWS says, in one spelling.
//!
//! AWS passes on the words of registries, Docker, containerd and EC2, and none of them spells alike: "Gateway Time-out"
//! and "Gateway Timeout", "service-linked" and "service linked", a typed and a typographic apostrophe. Rules are written
//! for one spelling: lower case, one blank for any run of blanks and hyphens, `'` for every apostrophe. Names with a slash, such as
//! those of images, keep their hyphens, so that they do not become words.

/// Words of AWS in one spelling, each text on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// Reads what AWS said in several places.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words = String::from("\n");
        for text in texts {
            words.push_str(&plain(text));
            words.push('\n');
        }
        Self(words)
    }

    /// Whether these words are among them. `#` stands for any digit.
    #[must_use]
    pub fn have(&self, sought: &str) -> bool {
        if !sought.contains('#') {
            return self.0.contains(sought);
        }
        let meets = |(have, sought): (&u8, u8)| if sought == b'#' { have.is_ascii_digit() } else { *have == sought };
        self.0.as_bytes().windows(sought.len()).any(|here| here.iter().zip(sought.bytes()).all(meets))
    }

    /// Whether one of these is among them.
    #[must_use]
    pub fn have_any(&self, sought: &[&str]) -> bool {
        sought.iter().any(|sought| self.have(sought))
    }
}

/// One text in the spelling of the rules.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            blank(&mut plain);
        }
        let is_name = word.contains('/');
        for character in word.chars() {
            match character {
                '-' | '\u{2010}'..='\u{2015}' if !is_name => blank(&mut plain),
                '\u{2018}' | '\u{2019}' => plain.push('\''),
                character => plain.extend(character.to_lowercase()),
            }
        }
    }
    plain
}

fn blank(text: &mut String) {
    if !text.ends_with(' ') {
        text.push(' ');
    }
}

/// EC2's error code inside an error of ECS: `… (ErrorCode: RequestLimitExceeded)`, until 2020 `…; Error Code: …)`.
pub(super) fn wrapped_code(message: &str) -> Option<&str> {
    let (_, after) = message.rsplit_once("ErrorCode: ").or_else(|| message.rsplit_once("Error Code: "))?;
    let end = after.find(|character: char| !(character.is_ascii_alphanumeric() || character == '.'));
    Some(&after[..end.unwrap_or(after.len())]).filter(|code| !code.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_in_several_spellings_is_one() {
        for text in ["504 Gateway Time-out", "504 gateway  time out", "504 Gateway\nTime–out "] {
            assert_eq!(plain(text), "504 gateway time out", "{text}");
        }
        assert_eq!(plain("You’ve"), "you've");
        let words = Words::of(["Service-Linked", "AGENT"]);
        assert!(words.have("service linked") && words.have("\nagent\n") && !words.have("linked agent"));
        assert_eq!(plain("Get https://r/v2/no-such-host/x: EOF"), "get https://r/v2/no-such-host/x: eof");
    }

    #[test]
    fn digits_are_sought_as_one_kind() {
        let words = Words::of(["from HEAD request to https://r/v2/x: 502 Proxy Error"]);
        assert!(words.have(": 5## ") && words.have("x: ###") && !words.have(": 4##") && !words.have(": 5##\n"));
        assert!(!Words::of(["r/x:503 not found"]).have(": 5##") && !Words::of([""]).have("5##"));
    }

    #[test]
    fn ec2s_code_is_found_in_both_forms() {
        for (message, code) in [
            ("… [sg-1]: Request limit exceeded. (ErrorCode: RequestLimitExceeded)", Some("RequestLimitExceeded")),
            (
                "… (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound; …)",
                Some("InvalidSubnetID.NotFound"),
            ),
            ("no (ErrorCode: )", None),
            ("none", None),
        ] {
            assert_eq!(wrapped_code(message), code, "{message}");
        }
    }
}
