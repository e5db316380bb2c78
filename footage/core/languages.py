"""Names of languages as files write them, brought to ISO 639-1; pure."""

from __future__ import annotations

_NAMES = """
aa aar afar|ab abk abkhazian|af afr afrikaans|am amh amharic|ar ara arabic|as asm assamese|az aze azerbaijani
ba bak bashkir|be bel belarusian|bg bul bulgarian|bn ben bengali|bo bod tib tibetan|br bre breton
bs bos bosnian
ca cat catalan|cs ces cze czech|cy cym wel welsh|da dan danish|de deu ger german deutsch|el ell gre greek
en eng english|eo epo esperanto|es spa spanish espanol español castellano|et est estonian|eu eus baq basque
fa fas per persian farsi|fi fin finnish|fo fao faroese|fr fra fre french francais français|ga gle irish
gl glg galician|gu guj gujarati|ha hau hausa|he heb iw hebrew|hi hin hindi|hr hrv croatian|ht hat haitian
hu hun hungarian|hy hye arm armenian|id ind indonesian|is isl ice icelandic|it ita italian italiano
ja jpn japanese|jw jav jv javanese|ka kat geo georgian|kk kaz kazakh|km khm khmer|kn kan kannada|ko kor korean
la lat latin|lb ltz luxembourgish|ln lin lingala|lo lao|lt lit lithuanian|lv lav latvian|mg mlg malagasy
mi mri mao maori|mk mkd mac macedonian|ml mal malayalam|mn mon mongolian|mr mar marathi|ms msa may malay
mt mlt maltese|my mya bur burmese|ne nep nepali|nl nld dut dutch|nn nno nynorsk|no nor nb nob norwegian
oc oci occitan|pa pan punjabi|pl pol polish|ps pus pashto|pt por portuguese|ro ron rum romanian|ru rus russian
sa san sanskrit|sd snd sindhi|si sin sinhala|sk slk slo slovak|sl slv slovenian|sn sna shona|so som somali
sq sqi alb albanian|sr srp serbian|su sun sundanese|sv swe swedish|sw swa swahili|ta tam tamil|te tel telugu
tg tgk tajik|th tha thai|tk tuk turkmen|tl tgl fil tagalog filipino|tr tur turkish|tt tat tatar|ug uig uyghur
uk ukr ukrainian|ur urd urdu|uz uzb uzbek|vi vie vietnamese|yi yid yiddish|yo yor yoruba
yue cantonese|zh zho chi cmn chinese mandarin|zu zul zulu
"""
"""A language a group: its code, its other codes (ISO 639-1 and both forms of 639-2), its names."""
_CODES = {
    name: group.split()[0]
    for group in _NAMES.replace("\n", "|").split("|")
    if group.strip()
    for name in group.split()
}


def language_code(text: str) -> str:
    """The ISO 639-1 code of a language as a file writes it ("ger", "pt-BR", "English"); empty if unknown."""
    return _CODES.get(text.casefold().replace("_", "-").partition("-")[0].strip(), "")


def same_language(one: str, other: str) -> bool:
    """Whether two languages may be one: equal, or at least one of them not known."""
    one, other = (language_code(each) or each.casefold() for each in (one, other))
    return not one or not other or one == other
