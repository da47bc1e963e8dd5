//! The page on which answers a person looks at first, in each language. Public: it names no patient and no clinic's work.

use crate::domain::risk::Tier;

/// What the page says.
#[derive(Debug)]
pub struct RulesWords {
    /// Link to it, on other pages.
    pub link: &'static str,
    /// Its title and heading.
    pub heading: &'static str,
    /// What it is about.
    pub intro: &'static str,
    /// Above the questions.
    pub questions: &'static str,
    /// Above them: what the list is, and that every answer is read.
    pub list: &'static str,
    /// `Question 9`
    pub question: fn(&str) -> String,
    /// How soon a person looks.
    pub soon: fn(Tier) -> &'static str,
    /// That words in the patient's own text may be seen, and that it can miss.
    pub phrases: &'static str,
    /// Above who and when.
    pub who: &'static str,
    /// Who looks.
    pub looks: &'static str,
    /// That nobody watches; with markup.
    pub not_live: &'static str,
    /// Above what the rules cannot do.
    pub decides: &'static str,
    /// That a person decides.
    pub person: &'static str,
    /// That a rule can miss.
    pub misses: &'static str,
    /// That honest answers are good.
    pub honest: &'static str,
}

/// English.
pub(super) const ENGLISH: RulesWords = RulesWords {
    link: "Which answers a person looks at first",
    heading: "Which answers a person looks at first",
    intro: "Some answers tell us that you may need help soon. When you give one, our program shows it to a person before the others. Here is how that works.",
    questions: "The questions",
    list: "Your clinic may use some of these forms. Some answers to these questions are shown to a person first. All your other answers are read too.",
    question: |number| format!("Question {number}"),
    soon: |tier| match tier {
        Tier::Crisis => "looked at first",
        Tier::Review => "looked at soon",
    },
    phrases: "When you write in your own words, the program also looks for a few words about wanting to die or being hurt. It can miss them.",
    who: "Who looks, and when",
    looks: "Somebody at your clinic with a license to treat people. If one person does not answer, the next one is told.",
    not_live: "<strong>Nobody watches this page or your answers live.</strong>",
    decides: "A person decides",
    person: "No rule changes your care by itself. A person reads your answer, talks with you if they can, and decides with you what comes next.",
    misses: "A rule reads one answer at a time. It does not know you, and it can miss things. If something is wrong, tell somebody, whatever you answered.",
    honest: "There are no wrong answers. An honest answer helps people help you.",
};

/// Spanish.
pub(super) const SPANISH: RulesWords = RulesWords {
    link: "Qué respuestas ve primero una persona",
    heading: "Qué respuestas ve primero una persona",
    intro: "Algunas respuestas nos dicen que usted quizás necesita ayuda pronto. Cuando usted da una de ellas, nuestro programa se la muestra a una persona antes que las otras. Así funciona.",
    questions: "Las preguntas",
    list: "Su clínica puede usar algunos de estos formularios. Algunas respuestas a estas preguntas se muestran primero a una persona. Todas sus otras respuestas también se leen.",
    question: |number| format!("Pregunta {number}"),
    soon: |tier| match tier {
        Tier::Crisis => "se ve primero",
        Tier::Review => "se ve pronto",
    },
    phrases: "Cuando usted escribe con sus propias palabras, el programa también busca algunas palabras sobre querer morir o sufrir daño. Puede no verlas.",
    who: "Quién las ve y cuándo",
    looks: "Alguien de su clínica que tiene licencia para atender a personas. Si una persona no responde, se avisa a la siguiente.",
    not_live: "<strong>Nadie está viendo esta página ni sus respuestas en este momento.</strong>",
    decides: "Decide una persona",
    person: "Ninguna regla cambia su atención por sí sola. Una persona lee su respuesta, habla con usted si puede, y decide con usted qué sigue.",
    misses: "Una regla lee una respuesta a la vez. No lo conoce a usted, y puede no ver algo. Si algo anda mal, dígaselo a alguien, sin importar lo que contestó.",
    honest: "No hay respuestas malas. Una respuesta sincera ayuda a que le ayuden.",
};
