//! A request to one of the patient's pages: its link, what that opens, and the calm page that answers when it does not. Handlers say
//! `visit.open().await?` and go on with what is behind the link.

use super::lead::{self, Opened};
use super::preference::Preference;
use super::view::{AtTablet, Check, CheckSays, Frame, Notice, NoticeKind, Switch};
use super::ways::CORRECTION;
use crate::app::Failure;
use crate::app::check_link::Holder;
use crate::app::link::Token;
use crate::app::pair_tablet::{IDLE_S, STILL_S};
use crate::app::take_answers::{
    Receipt, Refusal, Support, TakeAnswers, Taken, check_open, take_answers,
};
use crate::domain::care::{Layout, SaidNo};
use crate::domain::language::Language;
use crate::domain::submission::{Intent, Sheet};
use crate::patient_words::words;
use crate::store::Fault;
use crate::store::door::Door;
use crate::web::form::{Fields, FormTrouble};
use crate::web::line::read_line;
use crate::web::site::Site;
use crate::web::{assets, errors};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::future::{Ready, ready};
use std::net::IpAddr;

/// What a patient's page answers.
pub type Page = Result<HttpResponse, Calm>;

/// The calm page, or the way on, that takes the place of the page that was asked for.
pub struct Calm(HttpResponse);

impl From<HttpResponse> for Calm {
    fn from(page: HttpResponse) -> Self {
        Calm(page)
    }
}

impl From<Calm> for actix_web::Error {
    fn from(calm: Calm) -> Self {
        InternalError::from_response("a calm page", calm.0).into()
    }
}

/// The cookie that makes a browser the paired tablet, for one link.
const TABLET: &str = "tablet";
/// The cookie that says that the year of birth was said, for one link.
const CHECKED: &str = "checked";
/// What the address says after the right year: a browser that comes without the cookie then keeps none.
const CAME_BACK: &str = "checked=1";
/// In the query of a question's page: whoever changes the answer goes back to the review.
pub const FROM_REVIEW: &str = "from=review";

/// A request through a patient's link.
#[derive(Clone)]
pub struct Visit {
    /// The site.
    pub site: web::Data<Site>,
    /// The number in the address, of a question or a part; 0, which neither has, when there is none.
    pub number: usize,
    token: String,
    peer: Option<IpAddr>,
    preference: Preference,
    /// What the browser holds besides the link.
    pub holder: Holder,
    /// The tablet's secret itself, to be kept for some minutes more.
    tablet: Option<Token>,
    hand_back: String,
    idle: String,
    reads: bool,
    came_back: bool,
    /// Whether one answer is changed on the way back to the review.
    pub from_review: bool,
    /// Where this page comes from in another language, up to the language's tag.
    switch: String,
    /// Whether help stands above whatever is shown.
    help_first: bool,
}

/// What stands in the address.
#[derive(serde::Deserialize)]
struct Params {
    token: String,
    #[serde(default, alias = "part")]
    number: Number,
}

/// What is no number is 0: a mistyped address leads on and not into a wall.
#[derive(Default, serde::Deserialize)]
#[serde(from = "String")]
struct Number(usize);

impl From<String> for Number {
    fn from(text: String) -> Self {
        Number(text.parse().unwrap_or(0))
    }
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Visit, actix_web::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Visit::read(request))
    }
}

impl Visit {
    fn read(request: &HttpRequest) -> Result<Visit, actix_web::Error> {
        let site = web::Data::<Site>::extract(request).into_inner()?;
        let params = web::Path::<Params>::extract(request).into_inner();
        let (token, number) = match params.map(web::Path::into_inner) {
            Ok(params) => (params.token, params.number.0),
            // An address that no route knows.
            Err(_) => (segment(request.path(), 2).to_owned(), 0),
        };
        // What was posted cannot be asked for once more by a link: back to the first page.
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        let switch = match reads {
            true => format!("{}?lang=", request.path()),
            false => format!("/s/{token}?lang="),
        };
        let tablet = request
            .cookie(TABLET)
            .and_then(|cookie| Token::parse(cookie.value()));
        let holder = Holder {
            tablet: tablet.as_ref().map(Token::hash),
            checked: request.cookie(CHECKED).and_then(|cookie| {
                let bytes = URL_SAFE_NO_PAD.decode(cookie.value()).ok()?;
                bytes.try_into().ok()
            }),
        };
        let asks = |wanted| request.query_string().split('&').any(|pair| pair == wanted);
        Ok(Visit {
            holder,
            tablet,
            hand_back: format!("/s/{token}/hand-back"),
            idle: format!("/s/{token}/idle"),
            reads,
            came_back: asks(CAME_BACK),
            from_review: asks(FROM_REVIEW),
            peer: site.peer(request),
            preference: Preference::of(request),
            number,
            token,
            switch,
            site,
            help_first: false,
        })
    }

    /// The language that the patient chose, if any.
    pub fn said(&self) -> Option<Language> {
        self.preference.said()
    }

    /// The same visit, where every page begins with help if what was sent asks for it: what could not be kept as it is has no page to lead on to.
    pub fn helping(&self, support: Support) -> Visit {
        Visit {
            help_first: support == Support::ShowNow,
            ..self.clone()
        }
    }

    /// Whether help comes first.
    pub fn helps(&self) -> bool {
        self.help_first
    }

    /// The language of this page behind a door.
    pub fn language(&self, door: &Door) -> Language {
        let on_record = Language::of_tag(&door.slip.administration.language);
        self.preference.language(on_record)
    }

    /// Whether all questions may stand on one page. A tablet gives a form up that shows no sign of somebody for some minutes, and answers that nobody has sent yet are
    /// none: there, each question is saved by itself.
    pub fn offers_list(&self) -> bool {
        self.tablet.is_none()
    }

    /// Head and foot of a page behind a door.
    pub fn frame<'a>(&'a self, door: &'a Door) -> Frame<'a> {
        Frame {
            clinic: &door.clinic,
            ..self.bare_frame(self.language(door), door.crisis_line.as_deref())
        }
    }

    /// Head and foot of a page that knows no door.
    fn bare_frame<'a>(&'a self, language: Language, crisis_line: Option<&'a str>) -> Frame<'a> {
        Frame {
            words: words(language),
            help: self.site.app.help.said(language),
            switch: Switch::Link {
                before: &self.switch,
            },
            css: assets::address("survey.css"),
            clinic: "",
            site_line: crisis_line.map(read_line),
            tablet: self.tablet.as_ref().map(|_| AtTablet {
                back: &self.hand_back,
                idle: &self.idle,
                idle_s: IDLE_S - STILL_S,
            }),
            help_first: self.help_first,
        }
    }

    /// A rendered page, which keeps the language when it was chosen just now.
    pub fn page(&self, status: StatusCode, template: &impl askama::Template) -> HttpResponse {
        self.keep(errors::page(status, template))
    }

    /// On to one of this link's pages.
    pub fn go(&self, tail: &str) -> HttpResponse {
        self.keep(errors::see_other(&self.address(tail)))
    }

    fn keep(&self, mut response: HttpResponse) -> HttpResponse {
        // A path is made of a whole token only: what somebody typed stays out of the header.
        let Some(token) = Token::parse(&self.token) else {
            return response;
        };
        let chosen = self
            .preference
            .cookie(self.address(""), self.site.is_secure());
        let tablet = self
            .tablet
            .as_ref()
            .map(|secret| tablet_cookie(&self.site, &token, secret));
        for cookie in [chosen, tablet].into_iter().flatten() {
            add_cookie(&mut response, &cookie);
        }
        response
    }

    /// On to the first page, with the proof that the year of birth was said.
    pub fn go_checked(&self, proof: [u8; 32]) -> HttpResponse {
        let mut response = self.go(&format!("?{CAME_BACK}"));
        let value = URL_SAFE_NO_PAD.encode(proof);
        let cookie = Cookie::build(CHECKED, value)
            .path(self.address(""))
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.site.is_secure())
            .finish();
        add_cookie(&mut response, &cookie);
        response
    }

    /// The address of one of this link's pages: `/q/3`; empty for the first.
    pub fn address(&self, tail: &str) -> String {
        format!("/s/{}{tail}", self.token)
    }

    /// The token, if it is one at all.
    pub async fn token(&self) -> Result<Token, Calm> {
        match Token::parse(&self.token) {
            Some(token) => Ok(token),
            None => Err(self.calm(Failure::Refused(Refusal::Unknown)).await),
        }
    }

    /// What the link opens, whatever its state.
    pub async fn look(&self) -> Result<Opened, Calm> {
        let token = self.token().await?;
        match lead::load(&self.site, &token, self.holder).await {
            Ok(opened) => Ok(opened),
            Err(failure) => Err(self.calm(failure).await),
        }
    }

    /// What the link opens, if it still takes answers.
    pub async fn open(&self) -> Result<Opened, Calm> {
        let opened = self.look().await?;
        match check_open(&opened.door.slip, self.site.app.clock.now()) {
            Ok(()) => Ok(opened),
            Err(refusal) => {
                let (status, kind) = self.kind(refusal);
                Err(Calm(
                    self.say_behind(Some(&opened.door), status, kind).await,
                ))
            }
        }
    }

    /// The same, where whoever has sent already belongs on the end page.
    pub async fn open_or_end(&self) -> Result<Opened, Calm> {
        let opened = self.look().await?;
        match check_open(&opened.door.slip, self.site.app.clock.now()) {
            Ok(()) => Ok(opened),
            Err(refusal) => Err(self.calm_or_end(Failure::Refused(refusal)).await),
        }
    }

    /// The form, if it arrived as it should: not too large, not too slow, readable.
    pub async fn fields(&self, fields: Result<Fields, FormTrouble>) -> Result<Fields, Calm> {
        match fields {
            Ok(fields) => Ok(fields),
            Err(why) => {
                let kind = NoticeKind::Unreadable;
                Err(self.notice(why.status_code(), kind).await)
            }
        }
    }

    /// Saves or sends: on disk when this returns.
    pub async fn take(
        &self,
        sheet: Sheet,
        layout: Layout,
        intent: Intent,
    ) -> Result<Receipt, Calm> {
        let command = TakeAnswers {
            token_hash: self.token().await?.hash(),
            holder: self.holder,
            sheet,
            layout,
            language: self.said(),
            intent,
        };
        match take_answers(&self.site.app, command).await {
            Ok(Taken::In(receipt)) => Ok(receipt),
            Ok(Taken::Late { why, support }) => {
                let why = match why {
                    Refusal::SentAlready => Refusal::SentOtherwise,
                    why => why,
                };
                Err(self.helping(support).calm(Failure::Refused(why)).await)
            }
            Err(failure) => Err(self.calm_or_end(failure).await),
        }
    }

    /// A second click leads to the end page like the first; everything else gets its calm page.
    pub async fn calm_or_end(&self, failure: Failure<Refusal>) -> Calm {
        match failure {
            Failure::Refused(Refusal::SentAlready) => Calm(self.go("/end")),
            failure => self.calm(failure).await,
        }
    }

    /// For a form with something in it that is none of ours.
    pub async fn unreadable(&self) -> Calm {
        self.calm(Failure::Refused(Refusal::Unreadable)).await
    }

    /// The calm page for a link that does not take answers, or for a fault.
    async fn calm(&self, failure: Failure<Refusal>) -> Calm {
        let (status, kind) = match failure {
            Failure::Refused(Refusal::NotChecked) => return Calm(self.ask_year().await),
            Failure::Refused(refusal) => self.kind(refusal),
            Failure::Denied(_) => (StatusCode::FORBIDDEN, NoticeKind::Unknown),
            // Asking the same database for the page's own words would only take as long once more.
            Failure::Fault(Fault::Slow) => {
                return Calm(
                    self.say_bare(errors::log(&Fault::Slow), NoticeKind::Slow)
                        .await,
                );
            }
            Failure::Fault(fault) => (errors::log(&fault), NoticeKind::Fault),
        };
        self.notice(status, kind).await
    }

    fn kind(&self, refusal: Refusal) -> (StatusCode, NoticeKind) {
        match refusal {
            Refusal::Unknown if self.site.throttle.is_guessing(self.peer) => {
                (StatusCode::TOO_MANY_REQUESTS, NoticeKind::TooMany)
            }
            Refusal::Unknown => (StatusCode::NOT_FOUND, NoticeKind::Unknown),
            Refusal::OtherDevice => (StatusCode::GONE, NoticeKind::OtherDevice),
            // Has a page of its own.
            Refusal::NotChecked => (StatusCode::FORBIDDEN, NoticeKind::Unknown),
            Refusal::Revoked => (StatusCode::GONE, NoticeKind::Revoked),
            Refusal::SaidNo(SaidNo::NotThisTime) => (StatusCode::GONE, NoticeKind::LeftOut),
            Refusal::SaidNo(SaidNo::NotForMe) => (StatusCode::GONE, NoticeKind::NotTheirs),
            Refusal::Expired => (StatusCode::GONE, NoticeKind::Expired),
            Refusal::SentAlready => (StatusCode::GONE, NoticeKind::Used),
            Refusal::HandedIn => (StatusCode::CONFLICT, NoticeKind::HandedIn),
            Refusal::SentOtherwise => (StatusCode::CONFLICT, NoticeKind::NotAdded),
            Refusal::Unreadable => (StatusCode::UNPROCESSABLE_ENTITY, NoticeKind::Unreadable),
        }
    }

    /// Asks for the year of birth, before anything else is shown.
    async fn ask_year(&self) -> HttpResponse {
        match (self.reads, self.came_back) {
            (true, true) => self.say_check(StatusCode::OK, CheckSays::NoCookies).await,
            (true, false) => self.say_check(StatusCode::OK, CheckSays::Nothing).await,
            (false, _) => {
                self.say_check(StatusCode::FORBIDDEN, CheckSays::Nothing)
                    .await
            }
        }
    }

    /// The page that asks for the year of birth. Shows nothing of what the link opens: not even the clinic.
    pub async fn say_check(&self, status: StatusCode, says: CheckSays) -> HttpResponse {
        let line = self.site.crisis_line().await;
        let page = Check {
            frame: Frame {
                switch: Switch::Link {
                    before: &self.address("?lang="),
                },
                ..self.bare_frame(self.preference.language(None), line.as_deref())
            },
            says,
            action: &self.address("/check"),
        };
        self.page(status, &page)
    }

    /// Whether too many wrong things came from around this address. Counts one more.
    pub fn is_guessing(&self) -> bool {
        self.site.throttle.is_guessing(self.peer)
    }

    async fn notice(&self, status: StatusCode, kind: NoticeKind) -> Calm {
        Calm(self.say(status, kind).await)
    }

    /// A calm page, in the language on record where the link is one of ours.
    pub async fn say(&self, status: StatusCode, kind: NoticeKind) -> HttpResponse {
        let door = match Token::parse(&self.token) {
            Some(token) => lead::door(&self.site, &token).await,
            None => None,
        };
        self.say_behind(door.as_ref(), status, kind).await
    }

    /// A calm page that shows nothing of what the link opens.
    pub async fn say_bare(&self, status: StatusCode, kind: NoticeKind) -> HttpResponse {
        self.say_behind(None, status, kind).await
    }

    /// A calm page, with what is known of the link.
    pub async fn say_behind(
        &self,
        door: Option<&Door>,
        status: StatusCode,
        kind: NoticeKind,
    ) -> HttpResponse {
        let line = match door {
            Some(door) => door.crisis_line.clone(),
            None if kind == NoticeKind::Slow => self.site.crisis_line_at_start.clone(),
            None => self.site.crisis_line().await,
        };
        let on_record = door.and_then(|door| Language::of_tag(&door.slip.administration.language));
        let language = self.preference.language(on_record);
        let goes_on = matches!(
            kind,
            NoticeKind::Unreadable | NoticeKind::Fault | NoticeKind::Slow | NoticeKind::HandedIn
        );
        let back = goes_on.then(|| self.address(""));
        let correct = door
            .filter(|door| offers_note(kind) && lead::takes_note(door))
            .map(|_| self.address(CORRECTION));
        let notice = Notice {
            frame: self.bare_frame(language, line.as_deref()),
            kind,
            back: back.as_deref(),
            correct: correct.as_deref(),
            contact: None,
        };
        self.page(status, &notice)
    }
}

/// The cookie that makes a browser the paired tablet: for this link alone, and for some minutes after the last page.
pub fn tablet_cookie(site: &Site, link: &Token, secret: &Token) -> Cookie<'static> {
    Cookie::build(TABLET, secret.reveal().to_owned())
        .path(format!("/s/{}", link.reveal()))
        .max_age(Duration::seconds(i64::from(IDLE_S)))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(site.is_secure())
        .finish()
}

/// Puts a cookie into an answer.
pub fn add_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

/// After these, whoever sent the answers may have something to put right.
fn offers_note(kind: NoticeKind) -> bool {
    matches!(
        kind,
        NoticeKind::Used | NoticeKind::NotAdded | NoticeKind::Corrected
    )
}

/// The n-th part of a path, from 0; empty when there is none.
fn segment(path: &str, n: usize) -> &str {
    path.split('/').nth(n).unwrap_or_default()
}

/// An address under `/s/` that is no page.
pub async fn lost(request: &HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let visit = Visit::read(request)?;
    Ok(visit.say(StatusCode::NOT_FOUND, NoticeKind::Unknown).await)
}

/// A form that came from another site's page.
pub async fn foreign(request: &HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    let visit = Visit::read(request)?;
    Ok(visit.say(StatusCode::FORBIDDEN, NoticeKind::Foreign).await)
}
