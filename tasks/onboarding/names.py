"""What columns are often called, in English and other languages, as `ascii_name` writes it."""

import re
from typing import Final

from tasks.lender.declaration import CUSTOMER

NUMBER: Final = "(_?(id|no|nr|num|number|nummer|key|ref|reference|code))?"
OF: Final = r"^(nr|num|number|numer|numero|no|n|id|code|codigo|codice)_(de_|du_|di_|do_|del_|da_)?"
# How a column of a loan tape is often named; the first that fits takes the name, each name once.
SYNONYMS: Final[dict[str, str]] = {
    "loan_id": r"^(loan|contract|account|agreement|facility|credit|deal|plan|vertrags?|darlehens?|kredit|"
    rf"konto){NUMBER}$|{OF}(pret|contrat|dossier|credit|pozyczki|umowy|kredytu|prestamo|contrato|credito|prestito|"
    r"contratto|emprestimo|lening)$",
    CUSTOMER: rf"^(customer|client|borrower|member|applicant|obligor|party|person|debtor|kunden?|"
    rf"klant){NUMBER}$|{OF}(client|klienta|czlonka|cliente|socio|klant|emprunteur|adherent|societaire)$",
    "days_past_due": r"(^|_)(days?_(past_due|late|overdue|in_arrears)|dpd|verzugstage|jours_(de_)?retard|"
    r"dias_(de_)?(atraso|mora)|dni_(opoznienia|zaleglosci)|giorni_(di_)?ritardo)(_|$)",
    "instalments_behind": r"instal+ments?_(behind|missed|overdue)|months_(behind|in_arrears|past_due)|"
    r"zalegle_raty|echeances_impayees|cuotas_(vencidas|impagadas)",
    "overdue_amt": r"overdue|arrears|past_due|r(u|ue)ckstand|impaye|zaleglosc|kwota_zalegla|vencido",
    "loan_start_date": r"(start|open|origin|grant|disburs|booking|funded|issue|drawdown|purchase)"
    r"\w*(_date|_day|_on)?$|^(start|open|grant)|beginn$|auszahlung|"
    r"^(data|date|fecha)_(d_|de_)?(umowy|uruchomienia|octroi|debut|inicio|desembolso|formalizacion)",
    "installment_num": r"instal+ment_(num|no|nr)|months?_on_book|(^|_)mob(_|$)|loan_age|^age$",
    "tenure": r"tenure|tenor|(^|_)term(_|$)|n(um(ber)?)?_(of_)?instal|^instal+ments$|laufzeit|liczba_rat|"
    r"^duree|^plazo|^durata|^prazo",
    "loan_amt": r"loan_am|(facility|credit)_amount|amount_(financed|granted|lent)|"
    r"(orig\w*|initial)_(am|balance|principal)|principal$|(kredit|darlehens)betrag|kwota_(pozyczki|kredytu)|"
    r"montant_(du_)?(pret|credit|octroye)|(monto|importe)_(del_)?(prestamo|credito)",
    "paid_amt": r"(^|_)paid|payment_(amt|amount)|received|zahlung(seingang)?$|(ge|be)zahlt|"
    r"^(wplaty|wplata|splata|paye|pagado)$|montant_paye",
    "due_amt": r"(^|_)due(_am|$)|^instal+ment(_am\w*)?$|scheduled|^(monats)?rate$|^rata$|^mensualite|^cuota$",
    "balance": r"balance|outstanding|(^|_)upb(_|$)|restschuld|^saldo|capital_restant|encours",
    "status": r"status|delinquen|^estado(_|$)|^statut",
}
SNAPSHOT: Final = re.compile(
    r"snapshot|report|as_of|month|period|cut_?off|stichtag|stan_na|arrete|situation|fecha_(de_)?corte"
)
PERSONAL: Final = re.compile(
    r"(^|_)(name|first_?name|last_?name|surname|ssn|sin|nin|tax_?id|passport|e_?mail|phone|mobile|telephone|"
    r"iban|address|street|birth|birthday|dob|vorname|nachname|geburts(tag|datum)|telefon\w*|handy\w*|anschrift|"
    r"adresse|strasse|steuer_?(id|nr|nummer)|imie|imiona|nazwisko|pesel|nip|adres|ulica|urodzenia|nom|prenom|"
    r"courriel|rue|naissance|nombre|apellidos?|dni|nif|curp|rfc|correo|telefono|direccion|calle|nacimiento|"
    r"cognome|codice_fiscale|indirizzo|cellulare|nascita|sobrenome|cpf|endereco|rua|nascimento|voornaam|"
    r"achternaam|bsn|straat|geboortedatum)(_|$)"
)
PROTECTED: Final = re.compile(
    r"^(\w+_)?(gender|sex|marital|nationality|citizenship|religion|ethnicity|race|disability|geschlecht|"
    r"familienstand|nationalitae?t|staatsangehoe?rigkeit|konfession|plec|stan_cywilny|narodowosc|"
    r"obywatelstwo|sexe|situation_(familiale|matrimoniale)|nationalite|sexo|genero|estado_civil|nacionalidad|"
    r"sesso|stato_civile|cittadinanza|geslacht|burgerlijke_staat)(_|$)|"
    r"^((applicant|borrower|customer|client)_)?(age(_(in_)?years)?|alter|wiek|edad|idade|eta|leeftijd)$"
)
CODE: Final = re.compile(
    r"(^|_)(zip|zip_?code|post(al)?_?code|plz|postleitzahl|kod_pocztowy)$|_code$"
)  # of digits
DAY: Final = re.compile(r"date|day|month|period|datum|data|fecha|dzien|jour|mois|mes|dia|giorno")  # of dates
