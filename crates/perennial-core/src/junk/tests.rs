//! What counts against a person's words, and above all what does not.

use super::letters::{Reading, reading};
use super::*;
use crate::submission::{JUNK_THRESHOLD, JunkReason};

/// Names as people have them, in many languages that write with Latin letters, the hard ones first.
const NAMES: &[&str] = &[
    "Grzegorz Brzęczyszczykiewicz",
    "Szczepan Szczęsny",
    "Krzysztof Przybyszewski",
    "Zdzisław Chrząszcz",
    "Bartłomiej Skrzypczak",
    "Wawrzyniec Trzciński",
    "Małgorzata Źdźbłowska",
    "Jiří Čtvrtníček",
    "Zdeněk Štybr",
    "Vlastimil Vrchlický",
    "Přemysl Smrž",
    "František Křižík",
    "Ľudovít Štúr",
    "Mária Hrčková",
    "Zvonimir Crnković",
    "Hrvoje Krstić",
    "Srđan Grgić",
    "Tvrtko Jakovina",
    "Stjepan Mrkonjić",
    "Matjaž Trdina",
    "Ljubljana Vrhovnik",
    "Hans-Jürgen Hirschsprung",
    "Karl Schwarzschild",
    "Ernst Angstschweiß",
    "Gottfried Pfaffstätten",
    "Heinrich Schlüchtermann",
    "Annegret Kramp-Karrenbauer",
    "Ulrich Kretzschmar",
    "Jens Weihnachtsmarkt",
    "Wolfgang Knirschkern",
    "Friedrich Nietzsche",
    "Sebastian Schweinsteiger",
    "Pieter van Rijswijk",
    "Gijsbert Dijkgraaf",
    "Thijs Wijngaarden",
    "Jan Vroegindeweij",
    "Bas Schrijver",
    "Anneke Kwakkelstein",
    "Geert Borchgrevink",
    "Llewellyn Llwyd",
    "Angharad Gwynfryn",
    "Rhys Llanfairpwll",
    "Siobhán Ní Dhomhnaill",
    "Caoimhe O'Shaughnessy",
    "Tadhg Mac Giolla Phádraig",
    "Niamh McLoughlin",
    "Donnchadh MacPhàrlain",
    "Christopher Wordsworth",
    "Matthew Knightley",
    "Hugh Wrightson",
    "Lindsey Birchthwaite",
    "DeShawn McGlynn",
    "LaToya MacDonald",
    "JoAnn VanDerBilt",
    "Kjell Gjerdrum",
    "Bjørn Ødegård Kjærstad",
    "Sigurd Hjørnevik",
    "Ingvild Grønvold",
    "Björn Östlund Kjellström",
    "Lars Hjelmqvist",
    "Åsa Lindqvist",
    "Torbjörn Sjöqvist",
    "Þorsteinn Guðmundsson",
    "Hrafnhildur Jónsdóttir",
    "Vigdís Finnbogadóttir",
    "Jyrki Hyvärinen",
    "Tuomas Pääkkönen",
    "Kristjan Järvi",
    "Mihkel Raudsepp",
    "Andris Bērziņš",
    "Kristaps Porziņģis",
    "Džiuginta Žvirblytė",
    "Vytautas Landsbergis",
    "György Széchenyi",
    "Zsófia Nyíregyházy",
    "Zsuzsanna Gyöngyösi",
    "Ferenc Szentgyörgyi",
    "Ștefan Brâncuși",
    "Ioana Țăranu",
    "Shpresa Gjergji",
    "Xhevdet Xhaferi",
    "Njomza Qerimi",
    "Ismail Qemali",
    "Joseph Zammit Xuereb",
    "Grazzja Bugħarbija",
    "Gülşah Özçelik",
    "Çağrı Yıldırım",
    "Oğuzhan Uğur",
    "Şükrü Kılıçdaroğlu",
    "Nguyễn Thị Phương Thảo",
    "Trần Đình Nghiêm",
    "Huỳnh Quốc Khánh",
    "Zhang Xiaoqiang",
    "Qian Xuesen",
    "Xu Zhongqing",
    "Hsieh Chwen-hwa",
    "Tsung-Dao Lee",
    "Kwon Hyukjin",
    "Hwang Seungkyu",
    "Tetsuya Kutsukake",
    "Ryunosuke Akutagawa",
    "Shunsuke Tsutsui",
    "Krishnamurthy Subramaniam",
    "Jyotsna Bhattacharya",
    "Lakshmi Vaidyanathan",
    "Hrithik Mukhopadhyay",
    "Vishwanathan Gnanadesikan",
    "Thiruvengadam Dhivya",
    "Dhrubajyoti Chakraborty",
    "Chandrasekhar Venkatraman",
    "Kankanamge Wickramasinghe",
    "Khwaja Qutbuddin",
    "Abdelfattah Elmeshad",
    "Ghassan Khoury",
    "Mohamed Sghaier",
    "Rachid Mhamdi",
    "Tariq Al-Khwarizmi",
    "Farouq Shqaqi",
    "Yitzhak Tchernichovsky",
    "Golda Shprintzak",
    "Volodymyr Shcherbytskyi",
    "Zhdan Khrushchev",
    "Vsevolod Mstyslavskyi",
    "Anastasiya Vzglyadova",
    "Nadezhda Shchyogoleva",
    "Mkrtich Mkrtchyan",
    "Gevorg Ghukasyan",
    "Mzia Mtskheta",
    "Giorgi Chkheidze",
    "Nkechi Nwankwo",
    "Ngozi Okonjo-Iweala",
    "Chukwuemeka Nwachukwu",
    "Mpho Mkhwanazi",
    "Nkosazana Dlamini",
    "Thembelihle Mbhele",
    "Ntombizodwa Hlongwane",
    "Mthunzi Mdlalose",
    "Tshepo Tshabalala",
    "Ndrangheta Mbwana",
    "Uwase Nshimyumuremyi",
    "Lwandle Ngcobo",
    "Kwame Nkrumah",
    "Ikaika Kamehameha",
    "Ngahuia Whakatau",
    "Xochitl Cuauhtemoc",
    "Citlalli Tlatelolco",
    "Tzitziki Xoconostle",
    "Txomin Etxeberria",
    "Itziar Goikoetxea",
    "Iñaki Urdangarin",
    "Montserrat Puigdemont",
    "Jordi Llacuna",
    "João Magalhães",
    "Ximena Jiménez",
    "Guilherme Queiroz",
    "Jacques Fauchelevent",
    "Anne-Marie Wrzesniewski",
    "Giuseppe Schiaparelli",
    "Massimo Sgrò",
    "Franz Xaver Gschwandtner",
    "Kunigunde Obergschwend",
    "Urs Zgraggen",
    "Beat Rüdlingstuhl",
];

/// Companies and job titles as people write them.
const ORGANISATIONS: &[&str] = &[
    "HubSpot",
    "YouTube Deutschland GmbH",
    "McKinsey & Company",
    "SoftwareONE",
    "PricewaterhouseCoopers",
    "ThyssenKrupp Materials",
    "Knorr-Bremse",
    "Rechtsschutzversicherung AG",
    "Kraftfahrtbundesamt",
    "Schwäbisch Hall Bausparkasse",
    "BVLGARI",
    "FedEx",
    "JPMorgan Chase",
    "LVMH",
    "ZF Friedrichshafen",
    "Crnogorski Telekom",
    "Hrvatska pošta",
    "PGNiG Obrót Detaliczny",
    "Sjælsø Gruppen",
    "Rijkswaterstaat",
    "Mxit Lifestyle",
    "Vice President, Supply Chain",
    "Geschäftsführerin Vertrieb",
    "Wachtmeister",
    "Responsable d'exploitation",
    "DevOps Engineer (SRE)",
];

/// What people write when they want something.
const MESSAGES: &[&str] = &[
    "Hello, we run 40 technicians in Saxony and would like a demo next week. What does it cost for a team of that size?",
    "Please call me back, our contract with the other supplier ends in May.",
    "Guten Tag, wir planen Touren noch mit Excel. Gibt es eine Schnittstelle zu SAP? Mit freundlichen Grüßen, J. Kretzschmar",
    "Bonjour, quel est le prix pour 12 utilisateurs ? Merci d'avance.",
    "We are an SEO agency and need your API for our customers' dashboards. Can we start with a free trial?",
    "Hola, ¿tienen una versión en español? Somos una empresa de Guadalajara.",
    "Do you integrate with Salesforce? See https://www.perennial.example/docs and our ticket ABX-77812-QZ.",
    "お問い合わせありがとうございます。デモを希望します。",
    "Здравствуйте, интересует стоимость для 20 сотрудников.",
    "I was on your website and found no price. Could somebody send me an offer? WhatsApp is fine too.",
    "asap pls, thx",
];

fn of(answers: &[(&str, &str)]) -> Vec<JunkReason> {
    reasons(answers.iter().copied())
}

fn weight(answers: &[(&str, &str)]) -> u32 {
    of(answers).into_iter().map(JunkReason::weight).sum()
}

/// Every word by itself, as typed, in capitals and in small letters: so none is covered by the one beside it.
#[test]
fn no_name_of_the_list_is_taken_for_gibberish_or_a_link() {
    let words: Vec<&str> = NAMES.iter().chain(ORGANISATIONS).flat_map(|name| name.split([' ', '-'])).collect();
    let spellings = |word: &&str| [(*word).to_owned(), word.to_uppercase(), word.to_lowercase()];
    let wrong: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| spellings(word).iter().any(|word| reading(word) == Reading::Gibberish))
        .collect();
    assert!(wrong.is_empty(), "{} of {} words are taken for gibberish: {wrong:?}", wrong.len(), words.len());
    for name in NAMES {
        assert_eq!(of(&[("first_name", name), ("last_name", name), ("company", name)]), [], "{name}");
    }
}

#[test]
fn what_people_ask_is_no_junk() {
    for message in MESSAGES {
        assert!(
            weight(&[("first_name", "Ada"), ("company", "Knorr-Bremse"), ("message", message)]) < JUNK_THRESHOLD / 2
        );
    }
}

#[test]
fn random_letters_are_told_from_words_and_are_junk_only_where_nothing_else_is_said() {
    for random in [
        "kJhTrEwQpZ",
        "RVdYbTPqxXvsWH",
        "cdcbpwhvmctqpkc",
        "cgkwpcxciachhjkvo",
        "xqzvbnmkjh",
        "sdfghjkl",
        "XlWqBvTzRcPd",
    ] {
        assert_eq!(of(&[("first_name", random), ("company", "Example Ltd")]), [JunkReason::Gibberish], "{random}");
        assert!(weight(&[("first_name", random), ("last_name", "Lovelace")]) < JUNK_THRESHOLD, "{random}");
        let all = [("first_name", random), ("last_name", random), ("message", random)];
        assert!(weight(&all) >= JUNK_THRESHOLD, "{random}");
    }
}

#[test]
fn a_link_where_a_name_belongs_is_junk() {
    for link in [
        "https://evil.example/win",
        "www.evil.example",
        "Win $500 evil.com/x",
        "Ada claim-now.xyz",
        "HTTPS://EVIL.EXAMPLE",
        "evil.top!",
    ] {
        assert_eq!(of(&[("first_name", link)]).first(), Some(&JunkReason::LinkAsName), "{link}");
    }
    for name in ["J.R.R. Tolkien", "Dr.med. Ada", "St.John", "Ada.Lovelace", "A.Co", "Prof.Dr. Ing. Müller", "Jean-Luc"]
    {
        assert_eq!(of(&[("first_name", name)]), [], "{name}");
    }
    // A company may be called so, and a message may hold a link.
    assert_eq!(of(&[("company", "Booking.com"), ("message", "see https://www.perennial.example")]), []);
}

#[test]
fn an_advertisement_is_junk_and_a_word_of_one_is_not() {
    for spam in [
        "Hi, I came across your website and can get you on the first page of Google. Our SEO services include backlinks.",
        "We offer business loans with no credit check and 3% annual interest. Click here.",
        "Dear friend, my late client left 11 million United States dollars and you are the next of kin.",
        "Boost your website with targeted traffic! Reply STOP to opt out.",
        "Best online casino, slots, claim your bonus, limited time",
        "Хотите заработать? Казино ждёт: https://a.example https://b.example https://c.example",
    ] {
        assert_eq!(of(&[("message", spam)]), [JunkReason::SpamPhrase], "{spam}");
    }
    assert_eq!(of(&[("message", "Can you help us with backlinks?")]), [JunkReason::SpamHint]);
    assert_eq!(of(&[("message", "<a href=\"https://evil.example\">cheap</a> [url=x]")]), [JunkReason::BadSyntax]);
}

#[test]
fn weak_reasons_add_up_and_none_is_enough_alone() {
    let weak = [
        JunkReason::BotUserAgent,
        JunkReason::SpamHint,
        JunkReason::BadSyntax,
        JunkReason::Gibberish,
        JunkReason::NoWords,
        JunkReason::RateLimited,
    ];
    assert!(weak.iter().all(|reason| reason.weight() < JUNK_THRESHOLD));
    let hint_and_letters = weight(&[("message", "backlinks"), ("first_name", "kJhTrEwQpZ")]);
    assert!(hint_and_letters >= JUNK_THRESHOLD, "{hint_and_letters}");
}
