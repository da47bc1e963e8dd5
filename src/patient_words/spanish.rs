//! What the program says to patients in Spanish, as it is written in the United States: "usted", "oprima", twelve hours.

use super::*;
use chrono::{Datelike, Timelike};

const DAYS: [&str; 7] = [
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
];
const MONTHS: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

/// Spanish.
pub const WORDS: Words = Words {
    language: Language::Spanish,
    day,
    moment,
    page: PageWords {
        title: "Formulario",
        nav: "Página",
        help_now: "Ayuda ahora",
        error: "Error: ",
        back: "Atrás",
        english_only: "Estas preguntas están solo en inglés.",
        some_english_only: "Algunas de las preguntas están solo en inglés.",
        for_parent: "Estas preguntas las contesta la madre, el padre o la persona que cuida al niño o a la niña, sobre el niño o la niña.",
        some_for_parent: "Algunas de las preguntas las contesta la madre, el padre o la persona que cuida al niño o a la niña, sobre el niño o la niña.",
        more: "Gracias. Ya recibimos sus respuestas. Aquí hay algunas preguntas más.",
        more_carried: "Gracias. Ya recibimos sus respuestas. Aquí hay algunas preguntas más. Lo que ya contestó no se le pregunta otra vez.",
    },
    help: HelpWords {
        say: help::in_spanish,
        call_line: "Llame al",
    },
    reading: ReadingWords {
        answers: |who| format!("{who} lee sus respuestas"),
        them: |who| format!("{who} las lee"),
        it: |who| format!("{who} la lee"),
        first_promise: "antes de su próxima visita",
        in_english: ". Su clínica dice cuándo, en inglés:",
        week: hours::spanish,
        clock_of: |city| format!(" (hora de {city})"),
        read_in: |week| format!("Las respuestas se leen {week}."),
        // The moment ends with the full stop of "a. m.".
        nobody_before: |moment| format!("Nadie lee las respuestas antes del {moment}"),
        nobody_now: "Por ahora nadie lee las respuestas. Llame a su clínica si necesita hablar con alguien.",
        clinic: "Su clínica",
    },
    start: StartWords {
        heading: "Algunas preguntas sobre cómo está usted",
        asks: |who, clinic| {
            format!(
                "{who}, de {clinic}, le hace estas preguntas. Sus respuestas ayudan a planear su atención junto con usted."
            )
        },
        length: |questions, minutes| {
            let s = |count| if count == 1 { "" } else { "s" };
            format!(
                "{questions} pregunta{}, alrededor de {minutes} minuto{}.",
                s(questions),
                s(minutes)
            )
        },
        not_live: "<strong>Nadie está viendo esta página en este momento.</strong>",
        may_stop: |until| {
            format!(
                "Puede saltarse una pregunta. Puede parar y volver con el mismo enlace hasta el {until}."
            )
        },
        saved: |count| match count {
            1 => "1 de sus respuestas está guardada.".to_owned(),
            _ => format!("{count} de sus respuestas están guardadas."),
        },
        go_on: "Seguir donde se quedó",
        start: "Empezar",
        show_all: "Ver todas las preguntas en una página",
        not_for_me: "Esto no es para mí",
        closing: "Si esto le llegó por error, cerraremos el enlace y le avisaremos a la clínica. No tiene que decir quién es.",
        close: "Cerrar este enlace",
        not_now: "Esta vez no",
        leaving_out: "Puede dejar estas preguntas por esta vez. No pasa nada malo. Su clínica ve que usted lo dijo.",
        leave_out: "Dejarlas por esta vez",
        heading_about: "Algunas preguntas sobre alguien a quien usted conoce bien",
        asks_about: |who, clinic| {
            format!(
                "{who}, de {clinic}, le hace estas preguntas. Sus respuestas ayudan a planear la atención de esa persona."
            )
        },
        about_somebody: "Usted contesta sobre la persona por quien le preguntaron, no sobre usted. Sus respuestas se guardan aparte de las de esa persona.",
    },
    question: QuestionWords {
        step: |counted, total| match counted {
            Counted::At(number) => format!("Pregunta {number} de {total}"),
            Counted::Before(number) => format!("Antes de la pregunta {number} de {total}"),
        },
        not_chosen: "Todavía no ha elegido una respuesta",
        not_written: "Todavía no ha escrito un número",
        unfit: "Por favor, revise lo que escribió",
        choose: "Elija la respuesta que más se acerque",
        choose_all: "Elija todas las respuestas que correspondan",
        number: |from, to| format!("Un número entero de {from} a {to}"),
        number_unfit: |from, to| {
            format!("Escriba un número entero de {from} a {to}, solo con cifras")
        },
        own_words: |most| {
            format!(
                "Con sus propias palabras, hasta {} caracteres",
                thousands(most)
            )
        },
        too_long: |by| match by {
            1 => "A su texto le sobra 1 carácter. Por favor, hágalo más corto.".to_owned(),
            _ => format!(
                "A su texto le sobran {} caracteres. Por favor, hágalo más corto.",
                thousands(by)
            ),
        },
        nobody_reads: "<strong>Nadie lee esto en este momento.</strong>",
        declined: "Usted decidió no contestar",
        may_skip: "No es obligatorio contestar. Puede saltarse esta pregunta más abajo.",
        save: "Guardar y continuar",
        skip: "Saltar esta pregunta",
        saved: "Sus respuestas se guardan a medida que avanza.",
    },
    list: ListWords {
        part: |part, parts| format!("Parte {part} de {parts}"),
        title: "Sus preguntas",
        gaps: |count| match count {
            1 => "Falta la respuesta a 1 pregunta".to_owned(),
            _ => format!("Falta la respuesta a {count} preguntas"),
        },
        unfit: |count| match count {
            1 => "Por favor, revise 1 respuesta".to_owned(),
            _ => format!("Por favor, revise {count} respuestas"),
        },
        may_leave: "No tiene que contestarlas todas. Al final de esta página puede seguir sin ellas.",
        no_answer_yet: "Todavía sin respuesta",
        send: "Enviar mis respuestas",
        send_without: |count| format!("Enviar sin {}", these(count)),
        go_on_without: |count| format!("Seguir sin {}", these(count)),
    },
    review: ReviewWords {
        title: "Revise sus respuestas",
        heading: "Revise sus respuestas y luego envíelas",
        not_sent: |gaps| {
            let saved = "Sus respuestas están guardadas, pero todavía no se han enviado.";
            match gaps {
                0 => saved.to_owned(),
                1 => format!("{saved} Una pregunta no tiene respuesta. Está bien así."),
                _ => format!("{saved} {gaps} preguntas no tienen respuesta. Está bien así."),
            }
        },
        no_answer: "Todavía sin respuesta",
        change: "Cambiar",
        change_which: |counted| match counted {
            Counted::At(number) => format!("la respuesta {number}"),
            Counted::Before(number) => format!("la respuesta antes de la pregunta {number}"),
        },
    },
    support: SupportWords {
        title: "Ayuda para usted ahora",
        heading: "Gracias por decirnos esto. No tiene que enfrentarlo sin ayuda.",
        intro: "Si piensa en quitarse la vida o en hacerse daño, puede hablar con alguien ahora mismo:",
        saved: "Su respuesta está guardada.",
        not_live: "<strong>Nadie está viendo esta página ahora.</strong> Si necesita hablar con alguien antes, use los números de arriba.",
        go_on: "Continuar",
        may_stop: "Puede parar aquí. Lo que ha contestado hasta ahora queda guardado.",
        not_kept: "Algo de lo que acaba de enviar no se pudo guardar; abajo dice por qué. Para estar seguro de que su centro sabe cómo está, llámelo.",
    },
    end: EndWords {
        title: "Gracias",
        heading: "Gracias. Ya recibimos sus respuestas.",
        help: "Hay ayuda para usted, a cualquier hora",
        // The moment ends with the full stop of "a. m.".
        received: |answered, asked, moment| {
            let answers = if asked == 1 {
                "respuesta"
            } else {
                "respuestas"
            };
            format!("Recibimos {answered} de {asked} {answers} el {moment}")
        },
        not_live: "Nadie está viendo esta página en este momento.",
        other_questions: "¿Tiene preguntas sobre otra cosa?",
        close: "Ya puede cerrar esta página. Si otras personas usan este teléfono o esta computadora, cierre también el navegador.",
    },
    correction: CorrectionWords {
        heading: "¿Quiere corregir algo?",
        what: "Escríbalo aquí. Su nota se guarda junto a sus respuestas y su clínica ve que llegó. Sus respuestas quedan como están.",
        send: "Enviar la nota",
        // The moment ends with the full stop of "a. m.".
        until: |moment| format!("Puede enviar una nota hasta el {moment} Puede enviar más de una."),
        nothing_written: "Escriba lo que quiere corregir.",
        kept: Said {
            heading: "Gracias. Ya recibimos su nota.",
            text: "Se guarda junto a sus respuestas, que quedan como están. Ya puede cerrar esta página.",
        },
        another: "Escribir otra nota",
        too_late: Said {
            heading: "El tiempo para una nota ya terminó",
            text: "Las notas se pueden enviar durante dos días después de las respuestas. Si hay algo que corregir, dígaselo a su clínica.",
        },
        too_many: Said {
            heading: "Ya hay muchas notas",
            text: "Todas están guardadas. Esta no se guardó. Si hay algo más que decir, dígaselo a su clínica.",
        },
    },
    notice: NoticeWords {
        closed_title: "Este enlace está cerrado",
        thanks_title: "Gracias",
        again_title: "Error: inténtelo otra vez",
        expired: Said {
            heading: "El tiempo para estas preguntas ya terminó",
            text: "Usted no hizo nada mal. Su clínica le enviará un enlace nuevo cuando sea el momento.",
        },
        revoked: Said {
            heading: "Este enlace ya no se usa",
            text: "Su clínica lo cerró. Si le llegó un mensaje más nuevo, use el enlace de ese mensaje.",
        },
        left_out: Said {
            heading: "Esta vez dejó estas preguntas sin contestar",
            text: "Está bien así, y su clínica lo ve. Las próximas preguntas le llegarán solas. Si quiere contestar estas de todos modos, llame o escriba a su clínica.",
        },
        not_theirs: Said {
            heading: "Este enlace se cerró con “Esto no es para mí”",
            text: "Quien oprimió ese botón no hizo nada mal, y ya avisamos a la clínica. Si estas preguntas son para usted, llame o escriba a su clínica. Le pueden enviar un enlace nuevo.",
        },
        used: Said {
            heading: "Estas preguntas ya están contestadas",
            text: "Las respuestas ya se enviaron. No hay nada más que hacer.",
        },
        not_added: Said {
            heading: "Sus respuestas ya se habían enviado",
            text: "Lo que acaba de marcar no se agregó. Si algo cambió, avise a su centro. Si no está a salvo, use ahora los números de abajo.",
        },
        handed_in: Said {
            heading: "Estas preguntas ya están contestadas",
            text: "Sus primeras respuestas ya se enviaron y quedan como están. Hay algunas preguntas más por contestar.",
        },
        unknown: Said {
            heading: "No podemos encontrar esta página",
            text: "Es posible que el enlace esté cortado o mal escrito. Abra otra vez su mensaje y oprima el enlace, o copie la línea completa.",
        },
        not_for_me: Said {
            heading: "Gracias por avisarnos",
            text: "El enlace está cerrado. Le diremos a la clínica que llegó a otra persona. Puede borrar el mensaje.",
        },
        not_now: Said {
            heading: "Está bien",
            text: "Deja estas preguntas por esta vez. Su clínica lo ve. Ya puede cerrar esta página.",
        },
        other_device: Said {
            heading: "Aquí ya no hay nada que ver",
            text: "Estas preguntas se abrieron en una tableta de la clínica. Si quiere seguir, pregunte en la recepción.",
        },
        too_many_years: Said {
            heading: "Por favor, espere una hora",
            text: "El año no coincidió demasiadas veces. Inténtelo otra vez en una hora o pida ayuda a la clínica.",
        },
        unreadable: Said {
            heading: "No pudimos leer lo que se envió",
            text: "Algo se perdió en el camino. Esta respuesta no se guardó; lo que guardó antes sigue ahí.",
        },
        foreign: Said {
            heading: "Esto no vino de nuestra página",
            text: "Por eso no lo recibimos. Abra el enlace de su mensaje e inténtelo otra vez. Lo que guardó antes sigue ahí.",
        },
        too_many: Said {
            heading: "Espere un minuto, por favor",
            text: "Llegaron demasiadas solicitudes desde su conexión. Espere un minuto e inténtelo otra vez. Lo que guardó sigue ahí.",
        },
        fault: Said {
            heading: "Algo falló de nuestro lado",
            text: "No es culpa suya. Espere un minuto e inténtelo otra vez con el mismo enlace. Lo que guardó antes sigue ahí.",
        },
        slow: Said {
            heading: "Esto tarda más de lo debido",
            text: "No es culpa suya. No sabemos si sus últimas respuestas llegaron. Espere un minuto y abra el mismo enlace: muestra lo que está guardado. Enviarlas dos veces no hace daño.",
        },
        away: Said {
            heading: "Esta página está cerrada por un rato",
            text: "Inténtelo más tarde con el mismo enlace. Lo que guardó antes queda guardado. Ahora nadie lee nada aquí.",
        },
        back: "Volver a sus preguntas",
    },
    check: CheckWords {
        heading: "Primero, una pregunta",
        why: "Para que nadie más abra lo que es suyo.",
        year: "¿En qué año nació? Cuatro cifras, como 1984.",
        wrong: "Eso no coincide",
        wrong_advice: "Escriba el año con cuatro cifras. Si sigue sin coincidir, pregunte en su clínica.",
        no_cookies: "Su navegador no guardó su respuesta",
        no_cookies_advice: "Tiene que permitir las cookies para esta página. Permítalas e inténtelo otra vez, use otro navegador o pregunte en su clínica.",
        go_on: "Seguir",
    },
    tablet: TabletWords {
        heading: "Esta tableta está lista",
        advice: "Escriba el código que le dieron en la recepción.",
        code: "Código",
        open: "Abrir",
        back: "Gracias. Por favor, devuelva la tableta. Ya no queda en ella nada de lo que contestó.",
        idle: "Nadie tocó la tableta por un rato y las preguntas se cerraron. Lo que se guardó queda guardado.",
        wrong: "Este código no es correcto. Revise cada letra o pida un código nuevo.",
        used: "Este código ya se usó. Cada código sirve una sola vez. Pida uno nuevo.",
        old: "Este código es demasiado viejo. Los códigos sirven diez minutos. Pida uno nuevo.",
        too_many: "Se probaron demasiados códigos. Espere un minuto e inténtelo otra vez.",
        still: Said {
            heading: "¿Sigue ahí?",
            text: "Nadie tocó la tableta por un rato. En un minuto las preguntas se cierran, para que nadie más las vea. Lo que guardó queda guardado.",
        },
        go_on: "Sí, seguir",
        finished: "Usted usa una tableta de la clínica. Si descansa 9 minutos, la tableta pregunta si sigue ahí. Si nadie contesta, cierra las preguntas. Lo que guardó queda guardado.",
        save_writing: "Guarde lo que escriba antes de que pasen 9 minutos. Puede volver y escribir más.",
        hand_back: "¿Terminó? Devolver la tableta",
        may_stop: "Puede saltarse una pregunta. Puede parar en cualquier momento y devolver la tableta. Lo que guardó queda guardado.",
        not_for_me: Said {
            heading: "Gracias por avisarnos",
            text: "Las preguntas se cerraron y la clínica recibe el aviso. Por favor, devuelva la tableta.",
        },
    },
    stop: StopWords {
        ask: Said {
            heading: "¿No quiere más recordatorios?",
            text: "Cuando usted todavía no contesta, le enviamos un recordatorio. Oprima el botón y no le enviaremos más recordatorios. Todavía recibirá un mensaje cuando haya preguntas nuevas.",
        },
        button: "No más recordatorios",
        done: Said {
            heading: "Ya no recibirá recordatorios",
            text: "No le enviaremos más recordatorios. Todavía recibirá un mensaje cuando haya preguntas nuevas. Su clínica ya lo sabe. Si quiere recordatorios otra vez, dígaselo.",
        },
        unknown: Said {
            heading: "Este enlace ya no sirve para detener los recordatorios",
            text: "No cambió nada. Si no quiere más recordatorios, dígaselo a su clínica. Ellos pueden detenerlos.",
        },
    },
    rules: rules::SPANISH,
    mail: MailWords {
        your_clinic: "su clínica",
        subject: |clinic| format!("Un formulario de {clinic}"),
        hello: |name| match name {
            "" => "Hola:".to_owned(),
            _ => format!("Hola, {name}:"),
        },
        asks: |clinic| {
            format!("{clinic} le pide que llene un formulario corto. Toma unos minutos.")
        },
        still_open: |clinic| format!("El formulario de {clinic} sigue abierto. Toma unos minutos."),
        kept: "Usted ya lo empezó. Lo que contestó está guardado: sigue donde se quedó.",
        open: "Ábralo aquí:",
        // The moment ends with the full stop of "a. m.".
        works_until: |until| {
            format!(
                "El enlace funciona hasta el {until} Puede parar y volver: lo que ya contestó queda guardado."
            )
        },
        begin_by: |until, hours| {
            format!(
                "El enlace se abre hasta el {until} Desde que empiece tiene {hours} horas: puede parar y volver, y lo que ya contestó queda guardado."
            )
        },
        not_for_emergencies: "Este correo no es para emergencias. Si lo contesta, nadie leerá su mensaje.",
        not_yours: "¿No es para usted? Abra el enlace y oprima “Esto no es para mí”. Entonces cerramos el enlace y no le enviamos nada más sobre esto.",
    },
    text: TextWords {
        your_clinic: "su centro",
        nobody_reads: "Nadie lee enseguida los textos a este numero.",
        invitation: |clinic, link, help| {
            format!(
                "Formulario de {clinic}: {link} ALTO o STOP para no recibir mas. Ayuda ya: {help}"
            )
        },
        reminder: |clinic, link, help| {
            format!(
                "Recordatorio de {clinic}: {link} ALTO o STOP para no recibir mas. Ayuda ya: {help}"
            )
        },
    },
};

fn these(count: usize) -> &'static str {
    if count == 1 {
        "esta respuesta"
    } else {
        "estas respuestas"
    }
}

/// `2,000`, as it is written in the United States.
fn thousands(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

/// `martes 3 de marzo`
fn day(at: NaiveDateTime) -> String {
    let weekday = DAYS[at.weekday().num_days_from_monday() as usize];
    format!("{weekday} {} de {}", at.day(), MONTHS[at.month0() as usize])
}

/// `martes 3 de marzo a las 10:14 a. m.`
fn moment(at: NaiveDateTime) -> String {
    let (afternoon, hour) = at.hour12();
    let (article, half) = (
        if hour == 1 { "la" } else { "las" },
        if afternoon { 'p' } else { 'a' },
    );
    format!(
        "{} a {article} {hour}:{:02}\u{a0}{half}.\u{a0}m.",
        day(at),
        at.minute()
    )
}
