//! The addresses of the Amazon SES mailbox simulator, doing what they do on AWS.
//!
//! `success`, `bounce`, `ooto`, `complaint` and `suppressionlist` at
//! `simulator.amazonses.com`, each also with a label (`bounce+42@…`).

/// What becomes of a mail to a simulator address, after it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Simulated {
    /// `success@`: delivered.
    Success,
    /// `bounce@`: the server does not know the recipient (SMTP 550 5.1.1).
    Bounce,
    /// `ooto@`: delivered. (The absence note that SES then returns is inbound mail.)
    OutOfOffice,
    /// `complaint@`: delivered, then marked as spam.
    Complaint,
    /// `suppressionlist@`: on SES's own suppression list, which counts as a hard bounce.
    SuppressionList,
}

const DOMAIN: &str = "simulator.amazonses.com";

impl Simulated {
    /// What the simulator does for an address; nothing for everyone else's.
    pub(crate) fn of(address: &str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        if !domain.eq_ignore_ascii_case(DOMAIN) {
            return None;
        }
        let name = local.split_once('+').map_or(local, |(name, _label)| name);
        match name.to_ascii_lowercase().as_str() {
            "success" => Some(Self::Success),
            "bounce" => Some(Self::Bounce),
            "ooto" => Some(Self::OutOfOffice),
            "complaint" => Some(Self::Complaint),
            "suppressionlist" => Some(Self::SuppressionList),
            _ => None,
        }
    }

    /// Why such an address is on the account's suppression list, where it is.
    pub(crate) const fn listed_as(self) -> Option<&'static str> {
        match self {
            Self::Success | Self::OutOfOffice => None,
            Self::Bounce | Self::SuppressionList => Some("BOUNCE"),
            Self::Complaint => Some("COMPLAINT"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulators_addresses_are_known_with_and_without_a_label() {
        for (address, simulated) in [
            ("success@simulator.amazonses.com", Simulated::Success),
            ("Bounce+42@Simulator.AmazonSES.com", Simulated::Bounce),
            ("ooto+a+b@simulator.amazonses.com", Simulated::OutOfOffice),
            ("complaint@simulator.amazonses.com", Simulated::Complaint),
            ("suppressionlist@simulator.amazonses.com", Simulated::SuppressionList),
        ] {
            assert_eq!(Simulated::of(address), Some(simulated), "{address}");
        }
    }

    #[test]
    fn everyone_elses_address_is_not_simulated() {
        for address in ["bounce@example.com", "nobody@simulator.amazonses.com", "bounce", ""] {
            assert_eq!(Simulated::of(address), None, "{address}");
        }
    }
}
