//! A patient at work in the compact layout: opens a link, starts, answers every question of a PHQ-9, sends, reads the end
//! page, and complains about anything unexpected. Shared by the tests and by `examples/load.rs`, so it learns the form once
//! and then only looks for what it needs: reading every page from end to end would load the machine that is measured.

use std::net::SocketAddr;

use super::http::{Client, Response, path_of};
use super::page;

/// On the end page and nowhere else.
const END_MARK: &str = "Your answers are in";
/// The ninth question of the PHQ-9 is the one a risk rule watches.
const RISK_ITEM: usize = 9;
/// A patient who answers item 9 above zero passes the support page; more steps than this mean a loop.
const MOST_STEPS: usize = 6;

/// What the patient says to the item that a risk rule watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskItem {
    Zero,
    AboveZero,
}

/// One connection and, link after link, the patients who use it.
pub struct Patient {
    client: Client,
    form: Option<KnownForm>,
    acknowledged: Acknowledged,
}

/// Whether the answers of the link in hand have been said to be safe, whatever came after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledged {
    Yes,
    No,
}

/// What the first form taught: reading every later one from end to end would load the machine that is measured.
pub struct KnownForm {
    radio_count: usize,
    groups: Vec<(String, Vec<String>)>,
}

impl Patient {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            client: Client::new(address),
            form: None,
            acknowledged: Acknowledged::No,
        }
    }

    /// Whether the service said that it has the answers of the last link: from then on they must survive anything.
    pub fn acknowledged(&self) -> Acknowledged {
        self.acknowledged
    }

    /// Opens the link and starts; the form.
    fn begins(&mut self, link: &str) -> Result<String, String> {
        self.client.forget_cookies();
        self.acknowledged = Acknowledged::No;
        let start = self.get(link)?;
        let action = action_before(&start, "name=\"layout\"", link)?;
        self.post(&action, &[("layout", "list")])
    }

    /// Does one whole submission and reads the end page; `number` varies the answers. When this says yes, the service has acknowledged them all.
    pub fn submits(&mut self, link: &str, number: usize, risk: RiskItem) -> Result<(), String> {
        let mut page = self.begins(link)?;
        let mut supported = false;
        for _ in 0..MOST_STEPS {
            if page.contains(END_MARK) {
                supported |= page.contains("class=\"crisis\"");
                return if (risk == RiskItem::AboveZero) == supported {
                    Ok(())
                } else {
                    Err(format!("{link}: {risk:?}, support shown: {supported}"))
                };
            }
            page = if page.contains("type=\"radio\"") {
                let action = action_before(&page, "type=\"radio\"", link)?;
                let fields = self.answers(&page, number, risk)?;
                self.send(&action, &fields)?
            } else if let Some(onward) = onward(&page) {
                supported = true;
                self.get(&onward)?
            } else if let Ok(action) = action_before(&page, "</form>", link) {
                self.post::<&str>(&action, &[])?
            } else {
                return Err(format!("{link}: a page with no way on: {}", excerpt(&page)));
            };
        }
        Err(format!("{link}: no end after {MOST_STEPS} steps"))
    }

    fn answers(
        &mut self,
        page: &str,
        number: usize,
        risk: RiskItem,
    ) -> Result<Vec<(String, String)>, String> {
        let fields = KnownForm::of(&mut self.form, page)?.answers(number, risk)?;
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(fields.into_iter().map(owned).collect())
    }

    fn get(&mut self, path: &str) -> Result<String, String> {
        let answer = self.client.get(path);
        self.arrive(path, answer)
    }

    fn post<T: AsRef<str>>(&mut self, path: &str, fields: &[(T, T)]) -> Result<String, String> {
        let answer = self.redirected(path, fields)?;
        self.arrive(path, Ok(answer))
    }

    fn send(&mut self, path: &str, fields: &[(String, String)]) -> Result<String, String> {
        let answer = self.redirected(path, fields)?;
        self.acknowledged = Acknowledged::Yes;
        self.arrive(path, Ok(answer))
    }

    fn redirected<T: AsRef<str>>(
        &mut self,
        path: &str,
        fields: &[(T, T)],
    ) -> Result<Response, String> {
        let answer = self
            .client
            .post_form(path, fields)
            .map_err(|error| format!("POST {path}: {error}"))?;
        match answer.status {
            303 => Ok(answer),
            status => Err(format!(
                "POST {path}: {status} instead of 303: {}",
                excerpt(&answer.text())
            )),
        }
    }

    fn arrive(&mut self, path: &str, answer: std::io::Result<Response>) -> Result<String, String> {
        let answer = answer
            .and_then(|answer| self.client.follow(answer))
            .map_err(|error| format!("{path}: {error}"))?;
        if answer.status != 200 {
            return Err(format!(
                "{path}: {}: {}",
                answer.status,
                excerpt(&answer.text())
            ));
        }
        String::from_utf8(answer.body).map_err(|error| format!("{path}: {error}"))
    }
}

impl KnownForm {
    /// The form on this page: as it is known, or learnt from it.
    pub fn of<'f>(known: &'f mut Option<KnownForm>, page: &str) -> Result<&'f KnownForm, String> {
        let radio_count = page.matches("type=\"radio\"").count();
        let form = match known.take() {
            Some(form) if form.radio_count == radio_count => form,
            _ => Self::learn(page, radio_count)?,
        };
        Ok(known.insert(form))
    }

    fn learn(page: &str, radio_count: usize) -> Result<KnownForm, String> {
        let groups = page::forms(page)
            .iter()
            .map(page::Form::choices)
            .find(|groups| !groups.is_empty())
            .ok_or_else(|| format!("no questions in: {}", excerpt(page)))?;
        Ok(KnownForm {
            radio_count,
            groups,
        })
    }

    /// Every question answered: most patients somewhere between, the risk item above zero only when wanted.
    pub fn answers(&self, number: usize, risk: RiskItem) -> Result<Vec<(&str, &str)>, String> {
        let mut fields: Vec<(&str, &str)> = Vec::with_capacity(self.groups.len() + 1);
        for (place, (name, values)) in self.groups.iter().enumerate() {
            let choice = match (place + 1 == RISK_ITEM, risk) {
                (true, RiskItem::AboveZero) => 1 + number % 2,
                (true, RiskItem::Zero) => 0,
                (false, _) => (number + place * 7) % values.len(),
            };
            let value = values.get(choice).ok_or("too few options")?;
            fields.push((name, value));
        }
        fields.push(("send", "1"));
        Ok(fields)
    }
}

/// Where the form goes in which this mark stands first.
pub fn action_before(page: &str, mark: &str, link: &str) -> Result<String, String> {
    let before = page.find(mark).and_then(|at| page.get(..at));
    let form = before
        .and_then(|before| before.rfind("<form"))
        .and_then(|at| page.get(at..));
    form.and_then(|form| form.split_once("action=\""))
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(action, _)| path_of(action).to_owned())
        .ok_or_else(|| format!("{link}: no form with {mark} in: {}", excerpt(page)))
}

/// Where the support page's "Continue" leads.
fn onward(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("class=\"button\" href=\"")?;
    let (address, _) = rest.split_once('"')?;
    Some(path_of(address).to_owned())
}

pub fn excerpt(page: &str) -> String {
    page::plain_text(page).chars().take(200).collect()
}
