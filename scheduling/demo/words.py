# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001 - letters and punctuation of many scripts are what this text is for
"""The words of the demo schedule: made-up people, places, customers and notes, in several scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A demo user: sign-in name, name as people write it, and where the work is."""

    username: str
    given: str
    family: str
    time_zone: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A street address with its position in degrees (WGS 84)."""

    address: str
    latitude: float
    longitude: float


PEOPLE: Final = (
    Person(username="anna", given="Anna", family="Müller", time_zone="Europe/Berlin"),
    Person(username="dispatch", given="Siobhán", family="O’Connor", time_zone="Europe/London"),
    Person(username="james", given="James", family="Whitfield", time_zone="America/New_York"),
    Person(username="mia", given="Mia", family="Nguyễn", time_zone="Australia/Sydney"),
    Person(username="jose", given="José", family="Ibáñez", time_zone="Europe/Berlin"),
    Person(username="yuki", given="友紀", family="田中", time_zone="Asia/Tokyo"),
    Person(username="zofia", given="Zofia", family="Wójcik", time_zone="Europe/Warsaw"),
    Person(username="oyvind", given="Øyvind", family="Bjørnstad", time_zone="Europe/Berlin"),
    Person(username="priya", given="Priya", family="रमेश", time_zone="Asia/Kolkata"),
    Person(username="eleni", given="Ελένη", family="Παπαδοπούλου", time_zone="Europe/London"),
    Person(username="marcus", given="Marcus", family="Bell", time_zone="America/New_York"),
    Person(username="zoe", given="Zoë", family="d’Arcy", time_zone="Australia/Sydney"),
)

FAMILY_NAMES: Final = (
    *("Schäfer", "Dubois", "Kowalska", "Lindström", "Čapek", "García", "Ó Briain", "Yılmaz", "王", "佐藤"),
    *("Silva", "Novák", "Jørgensen", "Abd al-Rahman", "Fraser", "Großmann"),
)

PLACES: Final = {
    "Europe/Berlin": (
        Place(address="Schönhauser Allee 44, 10435 Berlin", latitude=52.5386, longitude=13.4127),
        Place(address="Große Bergstraße 162, 22767 Hamburg", latitude=53.5511, longitude=9.9446),
        Place(address="Königsallee 30, 40212 Düsseldorf", latitude=51.2249, longitude=6.7781),
        Place(address="Leopoldstraße 21, 80802 München", latitude=48.1585, longitude=11.5845),
    ),
    "Europe/London": (
        Place(address="Unit 7, 12 Old Street, London EC1V 9BE", latitude=51.5250, longitude=-0.0903),
        Place(address="3 Deansgate, Manchester M3 1AZ", latitude=53.4841, longitude=-2.2450),
        Place(address="18 Royal Mile, Edinburgh EH1 1TG", latitude=55.9503, longitude=-3.1883),
    ),
    "America/New_York": (
        Place(address="418 W 29th St, New York, NY 10001", latitude=40.7508, longitude=-74.0003),
        Place(address="77 Summer St, Boston, MA 02110", latitude=42.3541, longitude=-71.0587),
        Place(address="1201 Peachtree St NE, Atlanta, GA 30361", latitude=33.7877, longitude=-84.3833),
    ),
    "Australia/Sydney": (
        Place(address="90 Crown St, Surry Hills NSW 2010", latitude=-33.8815, longitude=151.2145),
        Place(address="5 Corso, Manly NSW 2095", latitude=-33.7976, longitude=151.2863),
    ),
    "Asia/Tokyo": (
        Place(address="東京都渋谷区神南1-19-11", latitude=35.6627, longitude=139.6997),
        Place(address="神奈川県横浜市中区山下町3", latitude=35.4437, longitude=139.6500),
    ),
    "Europe/Warsaw": (
        Place(address="ul. Świętokrzyska 14, 00-050 Warszawa", latitude=52.2355, longitude=21.0118),
        Place(address="ul. Długa 8, 80-827 Gdańsk", latitude=54.3489, longitude=18.6532),
    ),
    "Asia/Kolkata": (
        Place(address="12 MG Road, Bengaluru 560001", latitude=12.9753, longitude=77.6069),
        Place(address="4 Park Street, Kolkata 700016", latitude=22.5535, longitude=88.3518),
    ),
}

CURRENCIES: Final = {
    "Europe/Berlin": "EUR",
    "Europe/London": "GBP",
    "America/New_York": "USD",
    "Australia/Sydney": "AUD",
    "Asia/Tokyo": "JPY",
    "Europe/Warsaw": "PLN",
    "Asia/Kolkata": "INR",
}

JOB_TYPES: Final = (
    *("Boiler service", "Lift inspection", "Solar installation", "Network fault", "Heat pump commissioning"),
    *(
        "Fire door survey",
        "Wärmepumpe warten",
        "Réparation du toit",
        "Emergency call-out ⚡",
        "Meter exchange",
    ),
    *("空調設備の点検", "Leak detection", "Handover", "EV charger installation"),
)

ORGANISATIONS: Final = (
    *(
        "Bäckerei Häußler & Söhne",
        "Coopérative du Rhône",
        "Northwind Housing Association",
        "株式会社さくら電機",
    ),
    *("Café Ångström", "St. Brigid’s Primary School", "Jaskółka Logistyka Sp. z o.o.", "Blue Gum Dental 🦷"),
    *(
        "Harbour View Apartments; Block C",
        "Ferreira, Gonçalves & Filhos",
        "Hôtel de l’Étoile",
        "Stadtwerke Nord",
    ),
    *("Ολυμπία Α.Ε.", "Kaplan “Quick” Print", "Museum für Naturkunde", "Riverside Surgery"),
)

CONTACTS: Final = (
    *(
        "Frau Köhler, 030 23125 134",
        "Mr Ade Okafor, 020 7946 0321",
        "Reception: 212-555-0148",
        "山本様 03-5550-0199",
    ),
    *("Chloé (concierge), ring twice", "Site manager: +61 2 5550 4471", "J. Núñez <jn@example.com>"),
)

NOTES: Final = (
    "Key at the front desk.",
    "Park in the yard; the height limit is 2.10 m.",
    "Customer prefers a call half an hour before arrival.",
    "Bring: spare gasket 22 mm, PTFE tape, 2 × isolating valve.",
    "Access code changes daily – ask dispatch.",
    "Vorsicht, Hund! Bitte hinten klingeln.",
    "Second visit; the first part delivered was the wrong size.",
    "Photos of the type plate before and after, please 📷",
    "The plant room is reached through the loading bay, second door on the left; locked from 18:00.",
    "Warranty case 4711-0815; do not charge for travel.",
)

LONG_NOTE: Final = (
    "Background: the building was refitted in 2009 and the documentation is incomplete. The distribution "
    "board on each floor feeds two units, and the labels were swapped on the third floor; measure before you "
    "switch anything off. The caretaker (mornings only) has the drawings.\n\n"
    "Plan:\n1. Shut down and secure.\n2. Replace the circulation pump, vent, check for leaks at 6 bar.\n"
    "3. Balance the strings; the target values are in the folder beside the boiler.\n"
    "4. Hand over, have the protocol signed, leave a copy on site.\n\n"
    "If the old pump cannot be removed without draining the whole riser, stop and call dispatch: the tenants "
    "have to be told a day ahead."
)

OUTINGS: Final = (
    *(
        "Zahnarzt",
        "Vehicle inspection",
        "Physiotherapy",
        "Elternabend 🏫",
        "Trade counter pick-up",
        "Bank appointment",
    ),
    *("Gas safety refresher", "Déménagement"),
)
