//! A request to one of the patient's pages: its link, what that opens, and the calm page that answers when it does not. Handlers say
//! `visit.open().await?` and go on with what is behind the link.

use super::lead::{self, Opened};
use super::view::{Notice, NoticeKind};
use crate::app::Failure;
use crate::app::link::Token;
use crate::app::take_answers::{Receipt, Refusal, TakeAnswers, check_open, take_answers};
use crate::domain::care::Layout;
use crate::domain::submission::{Intent, Sheet};
use crate::web::form::{Fields, FormTrouble};
use crate::web::{Site, errors};
use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use std::future::{Ready, ready};
use std::net::IpAddr;

/// What a patient's page answers.
pub type Page = Result<HttpResponse, Calm>;

/// The calm page, or the way on, that takes the place of the page that was asked for.
pub struct Calm(HttpResponse);

impl From<Calm> for actix_web::Error {
    fn from(calm: Calm) -> Self {
        InternalError::from_response("a calm page", calm.0).into()
    }
}

/// A request through a patient's link.
pub struct Visit {
    /// The site.
    pub site: web::Data<Site>,
    /// The number in the address, of a question or a part; 0, which neither has, when there is none.
    pub number: usize,
    token: String,
    peer: Option<IpAddr>,
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
        let params = web::Path::<Params>::extract(request)
            .into_inner()?
            .into_inner();
        Ok(Visit {
            peer: site.peer(request),
            number: params.number.0,
            token: params.token,
            site,
        })
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
        match lead::load(&self.site, &token).await {
            Ok(opened) => Ok(opened),
            Err(failure) => Err(self.calm(failure).await),
        }
    }

    /// What the link opens, if it still takes answers.
    pub async fn open(&self) -> Result<Opened, Calm> {
        let opened = self.look().await?;
        match check_open(&opened.door.slip, self.site.app.clock.now()) {
            Ok(()) => Ok(opened),
            Err(refusal) => Err(self.calm(Failure::Refused(refusal)).await),
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
            sheet,
            layout,
            intent,
        };
        match take_answers(&self.site.app, command).await {
            Ok(receipt) => Ok(receipt),
            Err(failure) => Err(self.calm_or_end(failure).await),
        }
    }

    /// A second click leads to the end page like the first; everything else gets its calm page.
    pub async fn calm_or_end(&self, failure: Failure<Refusal>) -> Calm {
        match failure {
            Failure::Refused(Refusal::SentAlready) => {
                Calm(errors::see_other(&self.address("/end")))
            }
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
            Failure::Refused(refusal) => self.kind(refusal),
            Failure::Denied(_) => (StatusCode::FORBIDDEN, NoticeKind::Unknown),
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
            Refusal::Revoked => (StatusCode::GONE, NoticeKind::Revoked),
            Refusal::Expired => (StatusCode::GONE, NoticeKind::Expired),
            Refusal::SentAlready => (StatusCode::GONE, NoticeKind::Used),
            Refusal::SentOtherwise => (StatusCode::CONFLICT, NoticeKind::Used),
            Refusal::Unreadable => (StatusCode::UNPROCESSABLE_ENTITY, NoticeKind::Unreadable),
        }
    }

    /// A calm page that needs no door.
    async fn notice(&self, status: StatusCode, kind: NoticeKind) -> Calm {
        Calm(self.say(status, kind).await)
    }

    /// The same as the page that was asked for.
    pub async fn say(&self, status: StatusCode, kind: NoticeKind) -> HttpResponse {
        let stored = self.site.crisis_line().await;
        let back =
            matches!(kind, NoticeKind::Unreadable | NoticeKind::Fault).then(|| self.address(""));
        let notice = Notice {
            frame: lead::frame_without_door(stored.as_deref()),
            kind,
            back: back.as_deref(),
            contact: None,
        };
        errors::page(status, &notice)
    }
}
