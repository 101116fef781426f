"""The schema of the practice system, as a vendor of the nineties would have grown it.

Deliberate mess, each piece met in real systems: padded codes, three kinds of flags, dates kept as text, addresses and
phones in columns, entity-attribute-value fields, a polymorphic parent, composite keys, one table without a key, one
empty table, a reserved word and blanks in names, and only half of the relations declared.
"""

from __future__ import annotations

from .schema import Table

__all__ = ["TABLES", "VIEW_NAME", "VIEW_TABLE"]

VIEW_NAME = "V_OPEN_MATTERS"
VIEW_TABLE = "MTR_MAST"

_LOOKUPS = (
    Table(
        "CODE_LKP",
        "LIST_CD char(4)!; CODE varchar(6)!; DESCR varchar(60)!; SORT_ORD smallint; ACTIVE smallint!",
        key="LIST_CD,CODE",
        comment="Codes shared by all firms",
    ),
    Table(
        "VAT_CD",
        "VAT_CODE char(1)!; FROM_DT date!; TO_DT date; DESCR varchar(40)!; RATE_PC decimal(7,4)!",
        key="VAT_CODE,FROM_DT",
        comment="VAT codes and dated rates, shared by all firms",
    ),
    Table("SYS_PARAM", "PNAME varchar(40)!; PVALUE varchar(200)", key="PNAME", comment="Settings of the installation"),
    Table("FAX_QUEUE", "FAX_ID int!; FIRM_ID int!; NUMBER varchar(30); QUEUED datetime", key="FAX_ID"),
)

_FIRM = (
    Table(
        "FIRM_MAST",
        "FIRM_ID int!; NAME varchar(80)!; LEGAL_FORM char(3); SRA_NO varchar(12); CO_NO varchar(12); "
        "VAT_NO varchar(16); VAT_SCHEME char(1); YEAR_END char(4); TIME_UNIT smallint",
        key="FIRM_ID",
        comment="Firms hosted on this server: FIRM_ID is the tenant",
        notes={"TIME_UNIT": "Minutes in one time unit"},
    ),
    Table(
        "BRANCH",
        "FIRM_ID int!; BR_CODE char(3)!; NAME varchar(60)!; ADDR1 varchar(60); ADDR2 varchar(60); TOWN varchar(40); "
        "PCODE varchar(10); TEL varchar(30); DX varchar(40); LAA_NO varchar(10); OPEN_YN char(1)!",
        key="FIRM_ID,BR_CODE",
        references="FIRM_ID>FIRM_MAST",
    ),
    Table(
        "USR_MAST",
        "USER_ID int!; FIRM_ID int!; BR_CODE char(3); LOGIN varchar(30); FULL_NAME varchar(80)!; "
        "FORENAME varchar(40); SURNAME varchar(40); INITS char(4); EMAIL varchar(80); DDI varchar(30); "
        "PWD_HASH varchar(64); PWD_SALT varchar(32); API_TOKEN varchar(64); PWD_CHANGED date; FE_FLAG char(1)!; "
        "FE_CODE varchar(6); GRADE char(1); SRA_ID varchar(10); JOB varchar(40); SUPER_ID int; RATE money; "
        "STATUS smallint!; START_DT date; LEFT_DT varchar(10)",
        key="USER_ID",
        references="FIRM_ID>FIRM_MAST; FIRM_ID,BR_CODE>BRANCH",
        comment="Users and fee earners",
        notes={"STATUS": "1 active, 2 left, 3 disabled, 9 system"},
    ),
    Table(
        "ROLE_MAST",
        "ROLE_ID int!; FIRM_ID int!; NAME varchar(40)!; DESCR varchar(120); PERMS text; ACTIVE bool!",
        key="ROLE_ID",
        references="FIRM_ID>FIRM_MAST",
    ),
    Table(
        "USR_ROLE",
        "USER_ID int!; ROLE_ID int!; FIRM_ID int!",
        key="USER_ID,ROLE_ID",
        references="USER_ID>USR_MAST; ROLE_ID>ROLE_MAST",
    ),
    Table(
        "ETH_WALL",
        "WALL_ID int!; FIRM_ID int!; USER_ID int!; MTR_ID int!; REASON varchar(200); FROM_DT date",
        key="WALL_ID",
        references="USER_ID>USR_MAST",
        comment="Information barriers",
    ),
    Table(
        "MTR_TYPE",
        "FIRM_ID int!; TYPE_CODE char(4)!; DESCR varchar(60)!; DEPT varchar(40); CONTENT_YN char(1); "
        "RESERVED smallint; RETAIN_YRS smallint; ACTIVE smallint!",
        key="FIRM_ID,TYPE_CODE",
        references="FIRM_ID>FIRM_MAST",
    ),
    Table(
        "RATE_CARD",
        "CARD_CODE char(3)!; LINE_NO smallint!; FIRM_ID int!; NAME varchar(40); GRADE char(1); RATE money!; "
        "FROM_DT date; TO_DT date",
        key="FIRM_ID,CARD_CODE,LINE_NO",
    ),
    Table(
        "PRECEDENT",
        "PREC_ID int!; FIRM_ID int!; NAME varchar(60)!; KIND char(1)!; FOLDER varchar(40); TYPE_CODE char(4); "
        "BODY text; VER varchar(10); ACTIVE smallint!; OWNER_ID int",
        key="PREC_ID",
    ),
    Table(
        "APP_SESS",
        "SESS_TOKEN varchar(64)!; USER_ID int; LAST_SEEN datetime; STATE blob",
        key="SESS_TOKEN",
        comment="Web sessions",
    ),
)

_PEOPLE = (
    Table(
        "CT_MAST",
        "CT_ID int!; FIRM_ID int!; CT_TYPE char(1)!; TITLE varchar(10); FORENAMES varchar(60); SURNAME varchar(60); "
        "ORG_NAME varchar(100); SALUT varchar(60); DOB varchar(20); NI_NO varchar(12); OCCUP varchar(60); "
        "CO_NO varchar(12); ADDR1 varchar(80); ADDR2 varchar(80); ADDR3 varchar(80); TOWN varchar(40); "
        "PCODE varchar(10); COUNTRY char(2); OLD_ADDR text; TEL_HOME varchar(30); TEL_WORK varchar(30); "
        "TEL_MOB varchar(30); EMAIL varchar(80); WEB varchar(80); VULN smallint; BANK_SC varchar(8); "
        "BANK_AC varchar(8); MKT_OK char(1); NOTES text; MERGED_TO int; CREATED datetime!; CREATED_BY int; "
        "DEL_FLAG char(1)!; DEL_DT date",
        key="CT_ID",
        references="FIRM_ID>FIRM_MAST",
        indexes=("SURNAME",),
        comment="Contacts: people, companies, courts",
        notes={"DOB": "Typed by hand, dd/mm/yyyy"},
    ),
    Table(
        "CT_LINK",
        "FROM_CT int!; TO_CT int!; REL_CD char(3)!; FIRM_ID int!; DESCR varchar(60)",
        key="FROM_CT,TO_CT,REL_CD",
    ),
    Table(
        "CL_MAST",
        "CL_ID int!; FIRM_ID int!; CL_NO varchar(12)!; CT_ID int!; CL_TYPE char(1)!; STATUS char(1)!; "
        "PARTNER_ID int; BR_CODE char(3); OPEN_DT date; CLOSE_DT date; REF_SRC char(6); CREDIT_LIM money; "
        "TERMS_DT varchar(10); EBILL_ID varchar(20); DEL_FLAG char(1)!",
        key="CL_ID",
        references="CT_ID>CT_MAST; PARTNER_ID>USR_MAST",
        indexes=("CL_NO",),
        comment="Clients: a client number for a contact",
    ),
    Table(
        "AML_CHK",
        "AML_ID int!; FIRM_ID int!; CT_ID int!; MTR_ID int; KIND char(2)!; CHK_DT datetime; CHK_BY int; "
        "PROVIDER varchar(40); PROV_REF varchar(40); RESULT char(1)!; EXPIRY varchar(10); EVIDENCE varchar(120)",
        key="AML_ID",
        references="CT_ID>CT_MAST",
    ),
)

_MATTERS = (
    Table(
        "MTR_MAST",
        "MTR_ID int!; FIRM_ID int!; CL_ID int!; MTR_NO varchar(16)!; DESCR varchar(120)!; STATUS char(3)!; "
        "STAGE char(6); FE_ID int; PARTNER_ID int; BR_CODE char(3); TYPE_CODE char(4); OPEN_DT varchar(12); "
        "CLOSE_DT date; CL_REF varchar(30); COURT varchar(60); CASE_NO varchar(20); CLAIM_VAL money; "
        "BILLING char(1); FUNDING char(1); EST_AMT money; EST_DT date; RISK smallint; CONFID char(1)!; "
        "GROUP varchar(30); KEYWORDS varchar(80); FOLDER varchar(80); ARCH_NO varchar(12); ARCH_DT date; "
        "BOX varchar(12); STORE_LOC varchar(40); DESTROY_DT date; LEGAL_HOLD smallint; DESTROYED date; "
        "CREATED datetime!; CREATED_BY int; UPDATED datetime; DEL_FLAG char(1)!; DEL_DT date",
        key="MTR_ID",
        references="CL_ID>CL_MAST; FIRM_ID,TYPE_CODE>MTR_TYPE",
        indexes=("MTR_NO", "CL_ID"),
        comment="Matters (files)",
        notes={"OPEN_DT": "dd/mm/yyyy as typed", "GROUP": "Reporting group"},
    ),
    Table(
        "MTR_TEAM",
        "MTR_ID int!; USER_ID int!; TROLE char(3)!; FIRM_ID int!; SPLIT_PC decimal(7,2)",
        key="MTR_ID,USER_ID,TROLE",
        references="USER_ID>USR_MAST",
    ),
    Table(
        "MTR_PARTY",
        "PTY_ID int!; FIRM_ID int!; MTR_ID int!; CT_ID int!; ROLE_CD char(6)!; PREF varchar(30); SEQ smallint; "
        "ADVERSE char(1)",
        key="PTY_ID",
        references="MTR_ID>MTR_MAST",
        indexes=("CT_ID",),
    ),
    Table(
        "STG_HIST",
        "MTR_ID int!; FIRM_ID int!; SEQ smallint!; STAGE char(6)!; ENTERED datetime!; WHO int; REMARK varchar(80)",
        comment="Stage changes; never had a key",
    ),
    Table(
        "CONFL_CHK",
        "CHK_ID int!; FIRM_ID int!; MTR_ID int; CL_ID int; CHK_AT datetime!; CHK_BY int; TERMS varchar(200); "
        "HITS varchar(200); RESULT char(1)!; REASON varchar(120)",
        key="CHK_ID",
    ),
    Table(
        "UNDERTKG",
        "UT_ID int!; FIRM_ID int!; MTR_ID int!; DIRN char(1)!; GIVEN_BY int; TO_CT int; TERMS text!; GIVEN_DT date!; "
        "DUE_DT date; AMT money; DISCH_DT date; STATUS char(1)!",
        key="UT_ID",
        references="MTR_ID>MTR_MAST; GIVEN_BY>USR_MAST",
        comment="Undertakings register",
    ),
    Table(
        "COMPLNT",
        "CMP_ID int!; FIRM_ID int!; CL_ID int; MTR_ID int; REC_DT date!; CATEG varchar(20); SUMMARY text!; "
        "HANDLER int; STATUS char(1)!; RESP_DT date; RESOLVED date; OUTCOME varchar(120); REDRESS money; "
        "LEO_REF varchar(20)",
        key="CMP_ID",
        references="CL_ID>CL_MAST",
    ),
    Table(
        "KEY_DATE",
        "KD_ID int!; FIRM_ID int!; MTR_ID int!; KIND char(3)!; DUE_DT varchar(10); DESCR varchar(80)!; RESP_ID int; "
        "REMIND smallint; DONE_AT datetime; DONE_BY int; CRITICAL smallint!; STATUS char(1)!",
        key="KD_ID",
        references="MTR_ID>MTR_MAST",
    ),
    Table(
        "Deed Store",
        "Item No int!; FIRM_ID int!; Client int; Matter int; Type char(2)!; Description varchar(120)!; "
        "Packet varchar(12); Shelf varchar(20); Date Executed varchar(20); Received date; Released date; "
        "Released To varchar(80); Status char(1)!",
        key="Item No",
        comment="Strongroom: deeds and wills",
    ),
    Table(
        "CUST_DEF",
        "FLD_ID int!; FIRM_ID int!; ENTITY char(2)!; FLD_CODE varchar(20)!; LABEL varchar(60)!; SCREEN varchar(20); "
        "DTYPE char(1)!; OPTIONS varchar(200); PD_CLASS char(1); SORT_ORD smallint; ACTIVE smallint!",
        key="FLD_ID",
    ),
    Table(
        "CUST_VAL",
        "FLD_ID int!; ENTITY_ID int!; REC_NO smallint!; FIRM_ID int!; FVALUE varchar(200)",
        key="FLD_ID,ENTITY_ID,REC_NO",
        references="FLD_ID>CUST_DEF",
        comment="Values of custom fields, whatever their type, as text",
    ),
)

_BILLING = (
    Table(
        "TIME_ENT",
        "TE_ID int!; FIRM_ID int!; MTR_ID int!; FE_ID int!; WORK_DT date!; UNITS smallint!; CHG_UNITS smallint; "
        "RATE money; VALUE money!; ACT_CD char(6); NARR varchar(200); STATUS char(1)!; BILL_ID int; "
        "BILL_LN smallint; CREATED datetime!",
        key="TE_ID",
        indexes=("MTR_ID",),
        comment="Time recording; units of six minutes",
    ),
    Table(
        "DISBMT",
        "DSB_ID int!; FIRM_ID int!; MTR_ID int!; DTYPE char(6); DESCR varchar(80)!; SUPP_CT int; INV_NO varchar(20); "
        "DSB_DT date!; NET money!; VAT money!; GROSS money!; VAT_CODE char(1); PAID_DT date; SIDE char(1); "
        "STATUS char(1)!; BILL_ID int; BILL_LN smallint; POST_ID int",
        key="DSB_ID",
        references="MTR_ID>MTR_MAST",
    ),
    Table(
        "BILL_HDR",
        "BILL_ID int!; FIRM_ID int!; BILL_NO varchar(12); CL_ID int!; MTR_ID int!; FE_ID int; BTYPE char(1)!; "
        "STATUS smallint!; BILL_DT date; DUE_DT date; COSTS money!; DISBS money!; DISC money!; NET money!; "
        "VAT money!; TOTAL money!; PAID money; W_OFF money; OS_BAL money; DELIV_DT date; NARR text",
        key="BILL_ID",
        references="MTR_ID>MTR_MAST; CL_ID>CL_MAST",
        indexes=("BILL_NO",),
        comment="Bills of costs",
        notes={"OS_BAL": "Outstanding, kept by the posting program"},
    ),
    Table(
        "BILL_LINE",
        "BILL_ID int!; LINE_NO smallint!; FIRM_ID int!; LTYPE char(1)!; DESCR varchar(120); FE_ID int; "
        "QTY decimal(9,2); PRICE money; NET money!; VAT_CODE char(1); VAT money!; GROSS money!",
        key="BILL_ID,LINE_NO",
    ),
    Table(
        "PAY_REC",
        "PAY_ID int!; FIRM_ID int!; CL_ID int; MTR_ID int; CT_ID int; PAY_DT date!; AMT money!; METHOD char(2); "
        "REF varchar(30); SIDE char(1)!; BANK_ID int; POST_ID int; STATUS char(1)!",
        key="PAY_ID",
        references="BANK_ID>BANK_AC",
    ),
    Table(
        "PAY_ALLOC",
        "PAY_ID int!; BILL_ID int!; FIRM_ID int!; AMT money!; ALLOC_DT date; REV_DT date",
        key="PAY_ID,BILL_ID",
        references="PAY_ID>PAY_REC; BILL_ID>BILL_HDR",
    ),
    Table(
        "WRITE_OFF",
        "WO_ID int!; FIRM_ID int!; KIND char(1)!; MTR_ID int; BILL_ID int; TE_ID int; NET money!; VAT money!; "
        "WO_DT date!; AUTH_BY int; REASON varchar(80); POST_ID int",
        key="WO_ID",
    ),
)

_LEDGER = (
    Table(
        "BANK_AC",
        "BANK_ID int!; FIRM_ID int!; BR_CODE char(3); BTYPE char(1)!; NAME varchar(80)!; BANK varchar(40); "
        "SORT_CD varchar(8); AC_NO varchar(8); AC_ID int; OPENED date; CLOSED date; BAL money; ACTIVE smallint!",
        key="BANK_ID",
        references="FIRM_ID>FIRM_MAST",
    ),
    Table(
        "LEDG_AC",
        "AC_ID int!; FIRM_ID int!; AC_CODE varchar(20)!; NAME varchar(80)!; AC_CLASS char(2)!; MTR_ID int; "
        "BANK_ID int; BAL money; ACTIVE smallint!",
        key="AC_ID",
        indexes=("MTR_ID",),
        comment="Ledger accounts; BAL is credit positive for client ledgers (MC), debit positive otherwise",
    ),
    Table(
        "LEDG_POST",
        "POST_ID int!; FIRM_ID int!; POST_NO varchar(14); PTYPE char(3)!; POST_DT date!; KEYED datetime; "
        "KEYED_BY int; AUTH_BY int; MTR_ID int; REF varchar(20); NARR varchar(120); PAYEE_CT int; PERIOD char(6); "
        "BILL_ID int",
        key="POST_ID",
        references="FIRM_ID>FIRM_MAST",
        comment="Postings",
    ),
    Table(
        "LEDG_LINE",
        "POST_ID int!; LINE_NO smallint!; FIRM_ID int!; AC_ID int!; SIDE char(1)!; DC char(1)!; AMT money!; "
        "SEQ_NO int!; RUN_BAL money; VAT_CODE char(1); CLR_DT date",
        key="POST_ID,LINE_NO",
        references="POST_ID>LEDG_POST",
        comment="Lines of the double-entry postings",
        notes={"DC": "D debit, C credit", "RUN_BAL": "Kept on matter ledgers only"},
    ),
    Table(
        "BANK_REC",
        "REC_ID int!; FIRM_ID int!; BANK_ID int!; AS_AT date!; STMT_BAL money!; BOOK_BAL money!; LEDG_TOT money; "
        "UNPRES money; LODGE money; DIFF money!; PREP_BY int; SIGN_BY int; SIGN_AT datetime",
        key="REC_ID",
        references="BANK_ID>BANK_AC",
    ),
)

_PAPER = (
    Table(
        "DOC_MAST",
        "DOC_ID int!; FIRM_ID int!; MTR_ID int; CL_ID int; TITLE varchar(120)!; FILE_NAME varchar(120)!; "
        "FOLDER varchar(80); DTYPE char(3); DIRN char(1); DOC_DT varchar(10); AUTHOR_ID int; CUR_VER smallint; "
        "EML_ID int; LOCKED smallint!; IN_BIN char(1)!; WEB_URL varchar(200); CREATED datetime!; DEL_FLAG char(1)!",
        key="DOC_ID",
        comment="Documents",
    ),
    Table(
        "DOC_VER",
        "DOC_ID int!; VER_NO smallint!; FIRM_ID int!; FILE_PATH varchar(240); FILE_SIZE int; FILE_MD5 char(32); "
        "MIME varchar(80); CREATED datetime; CREATED_BY int; REMARK varchar(80); OCR_SCORE float",
        key="DOC_ID,VER_NO",
        references="DOC_ID>DOC_MAST",
        notes={"FILE_PATH": "On the document share, P:"},
    ),
    Table(
        "DOC_BLOB",
        "BLOB_ID int!; FIRM_ID int!; MTR_ID int; ORIG_NAME varchar(80)!; SCANNED datetime; PAGES smallint; "
        "CONTENT blob",
        key="BLOB_ID",
        comment="Scans kept in the database",
    ),
    Table(
        "EML_MAST",
        "EML_ID int!; FIRM_ID int!; MTR_ID int; MSG_ID varchar(120); DIRN char(1)!; FROM_ADDR varchar(120); "
        "TO_ADDR varchar(240); SUBJECT varchar(160); SENT_AT datetime; ATT_CNT smallint; FILE_PATH varchar(240); "
        "FILED_BY int",
        key="EML_ID",
    ),
    Table(
        "NOTE_TXT",
        "NOTE_ID int!; FIRM_ID int!; ENTITY_TYPE char(2)!; ENTITY_ID int!; NTYPE char(2)!; SUBJECT varchar(80); "
        "BODY text; NOTED_AT datetime; AUTHOR_ID int; MINS smallint; PRIV_YN char(1)!",
        key="NOTE_ID",
        comment="Notes on matters (MT), contacts (CT) and clients (CL)",
    ),
    Table(
        "TASK_LST",
        "TASK_ID int!; FIRM_ID int!; MTR_ID int; TITLE varchar(80)!; DETAIL text; ASSIGNEE int; SET_BY int; "
        "PRIO smallint; STATUS char(1)!; DUE_DT date; DONE_AT datetime",
        key="TASK_ID",
        references="MTR_ID>MTR_MAST",
    ),
    Table(
        "DIARY",
        "EVT_ID int!; FIRM_ID int!; MTR_ID int; TITLE varchar(80)!; KIND char(1)!; STARTS datetime!; ENDS datetime; "
        "ALL_DAY bool!; PLACE varchar(80); OWNER_ID int; ATTEND varchar(120); STATUS char(1)!",
        key="EVT_ID",
        references="OWNER_ID>USR_MAST",
    ),
    Table(
        "AUD_LOG",
        "AUD_ID int!; FIRM_ID int!; AT_UTC utc!; USER_ID int; ACTION varchar(10)!; TABLE_NM varchar(20); ROW_ID int; "
        "DETAIL json; IP_ADDR varchar(40)",
        key="AUD_ID",
        comment="Audit trail; the only clock in UTC",
    ),
)

TABLES: tuple[Table, ...] = _LOOKUPS + _FIRM + _PEOPLE + _MATTERS + _BILLING + _LEDGER + _PAPER
