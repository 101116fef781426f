"""What hangs on a matter besides its books: notes, tasks, diary, key dates, registers, custom fields, audit trail."""

from __future__ import annotations

from .billing import Matter
from .people import contact_name
from .scene import CALENDAR, Firm, Scene, pounds
from .words import EVENTS, NARRATIVES, NOTE_BODIES, TASKS

__all__ = ["Paper"]


class Paper:
    """Writes the paper of all matters."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._last_linked = 0

    def write_all(self, firm: Firm, matter: Matter) -> None:
        """Write what hangs on one matter."""
        dice = self._scene.dice
        self._write_custom_values(firm, matter)
        for _ in range(dice.between(0, 3)):
            self._write_note(firm, matter)
        if dice.chance(0.8):
            self._write_task(firm, matter)
        if dice.chance(0.7):
            self._write_event(firm, matter)
        if dice.chance(0.5):
            self._write_key_date(firm, matter)
        self._write_registers(firm, matter)
        self._write_audit(firm, matter)

    # --- notes, tasks, diary -----------------------------------------------------------------------------------------

    def _write_note(self, firm: Firm, matter: Matter) -> None:
        scene, dice = self._scene, self._scene.dice
        on_matter = ("MT", matter.matter_id)
        owner = dice.pick((on_matter, on_matter, ("CT", matter.contact_id), ("CL", matter.client_id)))
        scene.sink.put(
            "NOTE_TXT",
            NOTE_ID=scene.next_id("NOTE_TXT"),
            FIRM_ID=firm.firm_id,
            ENTITY_TYPE=owner[0],
            ENTITY_ID=owner[1],
            NTYPE=dice.pick(("AN", "TI", "TO", "FN")),
            SUBJECT="" if dice.chance(0.3) else dice.pick(NARRATIVES),
            BODY=dice.pick(NOTE_BODIES),
            NOTED_AT=scene.moment(matter.day),
            AUTHOR_ID=matter.fee_earner,
            MINS=dice.between(1, 10) * 6 if dice.chance(0.5) else None,
            PRIV_YN="Y" if dice.chance(0.05) else "N",
        )

    def _write_task(self, firm: Firm, matter: Matter) -> None:
        scene, dice = self._scene, self._scene.dice
        is_done = dice.chance(0.6)
        scene.sink.put(
            "TASK_LST",
            TASK_ID=scene.next_id("TASK_LST"),
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            TITLE=dice.pick(TASKS),
            DETAIL=None,
            ASSIGNEE=matter.fee_earner,
            SET_BY=firm.partner,
            PRIO=dice.pick((1, 2, 2, 3)),
            STATUS="D" if is_done else "O",
            DUE_DT=CALENDAR.iso[matter.day + 5],
            DONE_AT=scene.moment(matter.day) if is_done else None,
        )

    def _write_event(self, firm: Firm, matter: Matter) -> None:
        scene, dice = self._scene, self._scene.dice
        title, kind = dice.pick(EVENTS)
        day, hour = CALENDAR.iso[matter.day + 10], dice.between(9, 16)
        is_all_day = kind == "L"
        scene.sink.put(
            "DIARY",
            EVT_ID=scene.next_id("DIARY"),
            FIRM_ID=firm.firm_id,
            MTR_ID=None if is_all_day else matter.matter_id,
            TITLE=title,
            KIND=kind,
            STARTS=f"{day} 00:00:00" if is_all_day else f"{day} {hour:02d}:00:00",
            ENDS=None if is_all_day else f"{day} {hour:02d}:45:00",
            ALL_DAY=is_all_day,
            PLACE="Swyddfa Caerdydd" if dice.chance(0.2) else "",
            OWNER_ID=matter.fee_earner,
            ATTEND=f"contact{matter.contact_id}@example.com" if kind == "M" else None,
            STATUS="C",
        )

    def _write_key_date(self, firm: Firm, matter: Matter) -> None:
        scene, dice = self._scene, self._scene.dice
        is_done = dice.chance(0.5)
        scene.sink.put(
            "KEY_DATE",
            KD_ID=scene.next_id("KEY_DATE"),
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            KIND="LIM" if matter.kind.contentious == "Y" else "CMP",
            DUE_DT=CALENDAR.typed[matter.day + 100],
            DESCR="Limitation expires" if matter.kind.contentious == "Y" else "Completion",
            RESP_ID=matter.fee_earner,
            REMIND=28,
            DONE_AT=scene.moment(matter.day) if is_done else None,
            DONE_BY=matter.fee_earner if is_done else None,
            CRITICAL=1 if matter.kind.contentious == "Y" else 0,
            STATUS="M" if is_done else "P",
        )

    # --- registers, custom fields, audit -----------------------------------------------------------------------------

    def _write_registers(self, firm: Firm, matter: Matter) -> None:
        dice = self._scene.dice
        if matter.kind.department == "Property" and dice.chance(0.4):
            self._write_undertaking(firm, matter)
        if matter.kind.department == "Private Client" and dice.chance(0.6):
            self._write_deed(firm, matter)
        if dice.chance(0.02):
            self._write_complaint(firm, matter)
        if dice.chance(0.02):
            self._write_wall(firm, matter)
        other = firm.others[-1]
        if dice.chance(0.1) and other not in {matter.contact_id, self._last_linked}:
            self._last_linked = other
            self._scene.sink.put("CT_LINK", FROM_CT=other, TO_CT=matter.contact_id, REL_CD="EMP", FIRM_ID=firm.firm_id)

    def _write_undertaking(self, firm: Firm, matter: Matter) -> None:
        scene, is_done = self._scene, self._scene.dice.chance(0.7)
        scene.sink.put(
            "UNDERTKG",
            UT_ID=scene.next_id("UNDERTKG"),
            FIRM_ID=firm.firm_id,
            MTR_ID=matter.matter_id,
            DIRN="G",
            GIVEN_BY=matter.fee_earner,
            TERMS="To discharge the charge dated 1 May 2009\r\nand to send Form DS1",
            GIVEN_DT=CALENDAR.iso[matter.opened],
            DUE_DT=CALENDAR.iso[matter.opened + 20],
            AMT=pounds(scene.dice.between(20, 300) * 100_000),
            DISCH_DT=CALENDAR.iso[matter.opened + 15] if is_done else None,
            STATUS="D" if is_done else "O",
        )

    def _write_deed(self, firm: Firm, matter: Matter) -> None:
        scene, item = self._scene, self._scene.next_id("Deed Store")
        executed = CALENDAR.typed[matter.opened]
        if scene.dice.chance(0.15):
            executed = f"ca. {scene.dice.between(1955, 1999)}"
            scene.tally.unreadable["deed_item.executed_on"] += 1
        scene.sink.put(
            "Deed Store",
            Item_No=item,
            FIRM_ID=firm.firm_id,
            Client=matter.client_id,
            Matter=matter.matter_id,
            Type="WL" if scene.dice.chance(0.6) else "PA",
            Description=f"Will of {contact_name(scene)}",
            Packet=f"W{item:05d}",
            Shelf=f"{scene.dice.pick('ABC')}-{scene.dice.between(1, 40)}",
            Date_Executed=executed,
            Received=CALENDAR.iso[matter.opened],
            Status="H",
        )

    def _write_complaint(self, firm: Firm, matter: Matter) -> None:
        self._scene.sink.put(
            "COMPLNT",
            CMP_ID=self._scene.next_id("COMPLNT"),
            FIRM_ID=firm.firm_id,
            CL_ID=matter.client_id,
            MTR_ID=matter.matter_id,
            REC_DT=CALENDAR.iso[matter.day],
            CATEG="Costs",
            SUMMARY="Client says that the £ estimate was exceeded without notice",
            HANDLER=firm.partner,
            STATUS="R",
            RESP_DT=CALENDAR.iso[matter.day + 8],
            RESOLVED=CALENDAR.iso[matter.day + 12],
            OUTCOME="Apology; bill reduced",
            REDRESS="150.00",
        )

    def _write_wall(self, firm: Firm, matter: Matter) -> None:
        self._scene.sink.put(
            "ETH_WALL",
            WALL_ID=self._scene.next_id("ETH_WALL"),
            FIRM_ID=firm.firm_id,
            USER_ID=firm.fee_earners[-1][0],
            MTR_ID=matter.matter_id,
            REASON="Acted for the other side at a former firm",
            FROM_DT=CALENDAR.iso[matter.opened],
        )

    def _write_custom_values(self, firm: Firm, matter: Matter) -> None:
        dice = self._scene.dice
        if matter.kind.department != "Property":
            if dice.chance(0.1):
                needs = f"Large print; hearing loop{self._scene.marker(firm)}"
                self._put_value(firm, "ACCESS", matter.contact_id, needs)
            return
        price = f"£{dice.between(90, 900)},500.00"
        self._put_value(firm, "PRICE", matter.matter_id, "TBC" if dice.chance(0.05) else price)
        date = "31/02/2018" if dice.chance(0.03) else CALENDAR.typed[matter.day]
        self._put_value(firm, "EXCHDATE", matter.matter_id, date)
        self._put_value(firm, "LEASEHOLD", matter.matter_id, dice.pick(("Y", "N", "")))
        self._put_value(firm, "TENURE", matter.matter_id, dice.pick(("FREE", "LEASE")))
        self._put_value(firm, "ROOMS", matter.matter_id, str(dice.between(1, 6)))

    def _put_value(self, firm: Firm, code: str, entity_id: int, value: str) -> None:
        field_id = firm.custom_fields[code]
        record = 1
        if code == "ACCESS":  # a contact may come back with another matter; each visit is a record
            record = self._scene.next_id("CUST_VAL.REC_NO") % 30_000
        self._scene.sink.put(
            "CUST_VAL", FLD_ID=field_id, ENTITY_ID=entity_id, REC_NO=record, FIRM_ID=firm.firm_id, FVALUE=value
        )

    def _write_audit(self, firm: Firm, matter: Matter) -> None:
        self._scene.sink.put(
            "AUD_LOG",
            AUD_ID=self._scene.next_id("AUD_LOG"),
            FIRM_ID=firm.firm_id,
            AT_UTC=self._scene.moment(matter.opened),
            USER_ID=matter.fee_earner,
            ACTION="INSERT",
            TABLE_NM="MTR_MAST",
            ROW_ID=matter.matter_id,
            DETAIL='{"MTR_NO": "%s", "CONFID": "N"}' % matter.number,  # noqa: UP031 - braces are JSON's here
            IP_ADDR="192.0.2.17",
        )
