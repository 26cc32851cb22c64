//! The functions that callers have: aggregates, windows, text, mathematics, dates, JSON. Not
//! here: functions that read files, settings, catalogues or other sessions, that sleep, lock
//! or run a text as SQL (`query_to_xml`, `ts_stat`, `ts_rewrite`); none of them is listed, and
//! what is not listed is refused.

use crate::engine::Flavour;
use std::collections::HashSet;
use std::sync::LazyLock;

type Words = LazyLock<HashSet<&'static str>>;

/// Whether callers have the function of this name, in lower case.
pub(super) fn listed(name: &str, flavour: Flavour) -> bool {
    match flavour {
        Flavour::Postgres => POSTGRES.contains(name) || POSTGRES_TABLES.contains(name),
        Flavour::Sqlite => SQLITE.contains(name),
    }
}

/// Whether it may be read from as a table.
pub(super) fn listed_as_table(name: &str, flavour: Flavour) -> bool {
    match flavour {
        Flavour::Postgres => POSTGRES_TABLES.contains(name),
        Flavour::Sqlite => SQLITE_TABLES.contains(name),
    }
}

/// The one column of a function in `FROM` that answers single values, where that column is
/// not named after the alias.
pub(super) fn value_column(name: &str) -> Option<&'static str> {
    name.strip_suffix("_text")
        .unwrap_or(name)
        .ends_with("_array_elements")
        .then_some("value")
}

/// Whether what it answers in `FROM` are rows of several columns, for which PostgreSQL takes
/// `alias.name` as a call of functions on rows alone.
pub(super) fn answers_rows(name: &str) -> bool {
    POSTGRES_ROWS.contains(name)
}

/// Whether it is one of Doorward's own in the schema `auth`.
pub(super) fn listed_in_auth(name: &str, flavour: Flavour) -> bool {
    flavour == Flavour::Postgres && AUTH.contains(name)
}

/// Whether an unquoted word, in upper case, is SQLite's own, and must be quoted to be a name.
pub(super) fn is_sqlite_keyword(word: &str) -> bool {
    SQLITE_KEYWORDS.contains(word)
}

/// Every one, for tests that walk through them.
#[cfg(test)]
pub(super) fn all(flavour: Flavour) -> std::collections::BTreeSet<&'static str> {
    let (values, tables) = match flavour {
        Flavour::Postgres => (&POSTGRES, &POSTGRES_TABLES),
        Flavour::Sqlite => (&SQLITE, &SQLITE_TABLES),
    };
    values.iter().chain(tables.iter()).copied().collect()
}

fn words(text: &'static str) -> HashSet<&'static str> {
    text.split_ascii_whitespace().collect()
}

/// Who calls, on PostgreSQL.
static AUTH: Words = LazyLock::new(|| {
    words("credential_id credential_kind has_role in_tenant jwt role tenant_id user_id")
});

/// PostgreSQL's that answer rows.
static POSTGRES_TABLES: Words = LazyLock::new(|| {
    words(
        "generate_series generate_subscripts json_array_elements json_array_elements_text \
         json_each json_each_text json_object_keys json_populate_record json_populate_recordset \
         json_to_record json_to_recordset jsonb_array_elements jsonb_array_elements_text \
         jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_path_query_tz \
         jsonb_populate_record jsonb_populate_recordset jsonb_to_record jsonb_to_recordset \
         regexp_matches regexp_split_to_table string_to_table unnest",
    )
});

/// Those of [`POSTGRES_TABLES`] that answer rows of several columns.
static POSTGRES_ROWS: Words = LazyLock::new(|| {
    words(
        "json_each json_each_text json_populate_record json_populate_recordset json_to_record \
         json_to_recordset jsonb_each jsonb_each_text jsonb_populate_record \
         jsonb_populate_recordset jsonb_to_record jsonb_to_recordset",
    )
});

/// SQLite's that may stand in `FROM`.
static SQLITE_TABLES: Words = LazyLock::new(|| words("json_each json_tree"));

/// PostgreSQL's that answer a value.
static POSTGRES: Words = LazyLock::new(|| {
    words(
        "abbrev abs acos acosd acosh age any_value array array_agg array_append array_cat \
         array_dims array_length array_lower array_ndims array_position array_positions \
         array_prepend array_remove array_replace array_sample array_shuffle array_to_json \
         array_to_string array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d \
         atand atanh avg bit_and bit_count bit_length bit_or bit_xor bool_and bool_or broadcast \
         btrim cardinality casefold cbrt ceil ceiling char_length character_length chr \
         clock_timestamp coalesce concat concat_ws convert_from convert_to corr cos cosd cosh cot \
         cotd count covar_pop covar_samp crc32 crc32c cume_dist current_date current_time \
         current_timestamp date_bin date_part date_trunc daterange decode degrees dense_rank div \
         encode erf erfc every exp extract factorial family first_value floor format gcd \
         gen_random_uuid get_bit get_byte greatest grouping host hostmask inet_merge \
         inet_same_family initcap int4range int8range isempty isfinite json_agg json_array \
         json_array_length json_arrayagg json_build_array json_build_object json_extract_path \
         json_extract_path_text json_object json_object_agg json_objectagg json_scalar \
         json_strip_nulls json_typeof jsonb_agg jsonb_array_length jsonb_build_array \
         jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object \
         jsonb_object_agg jsonb_path_exists jsonb_path_exists_tz jsonb_path_match \
         jsonb_path_match_tz jsonb_path_query_array jsonb_path_query_array_tz \
         jsonb_path_query_first jsonb_path_query_first_tz jsonb_pretty jsonb_set jsonb_set_lax \
         jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lag \
         last_value lcm lead least left length ln localtime localtimestamp log log10 lower \
         lower_inc lower_inf lpad ltrim make_date make_interval make_time make_timestamp \
         make_timestamptz masklen max md5 min min_scale mod mode netmask network now \
         nth_value ntile nullif num_nonnulls num_nulls numnode numrange octet_length overlay \
         parse_ident percent_rank percentile_cont percentile_disc phraseto_tsquery pi \
         plainto_tsquery position power querytree quote_ident quote_literal quote_nullable \
         radians random range_agg range_intersect_agg range_merge rank regexp_count regexp_instr \
         regexp_like regexp_match regexp_replace regexp_split_to_array regexp_substr regr_avgx \
         regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat \
         replace reverse right round row row_number row_to_json rpad rtrim scale set_bit set_byte \
         set_masklen setweight sha224 sha256 sha384 sha512 sign sin sind sinh split_part sqrt \
         starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array \
         strip strpos substr substring sum tan tand tanh timeofday to_ascii to_bin to_char \
         to_date to_hex to_json to_jsonb to_number to_oct to_timestamp to_tsquery to_tsvector \
         transaction_timestamp translate trim trim_array trim_scale trunc ts_delete ts_filter \
         ts_headline ts_rank ts_rank_cd tsquery_phrase tsrange tstzrange tsvector_to_array unistr \
         upper upper_inc upper_inf uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 \
         var_pop var_samp variance websearch_to_tsquery width_bucket",
    )
});

/// SQLite's. `changes` and its like are not among them: they tell of the statement before. Nor
/// are `json_patch` and `json_pretty`, whose one call takes time or memory out of proportion,
/// nor the `json_group_` functions, whose text has no bound while it grows.
static SQLITE: Words = LazyLock::new(|| {
    words(
        "abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat \
         concat_ws cos cosh count cume_dist current_date current_time current_timestamp date \
         datetime degrees dense_rank exp first_value floor format glob group_concat hex if ifnull \
         iif instr json json_array json_array_insert json_array_length json_each \
         json_error_position json_extract json_insert \
         json_object json_quote json_remove json_replace json_set \
         json_tree json_type json_valid jsonb jsonb_array jsonb_extract \
         jsonb_insert jsonb_object jsonb_remove jsonb_replace \
         jsonb_set julianday lag last_value lead length like likelihood likely ln log log10 log2 \
         lower ltrim max median min mod nth_value ntile nullif octet_length percent_rank \
         percentile percentile_cont percentile_disc pi pow power printf quote radians random \
         randomblob rank replace round row_number rtrim sign sin sinh sqrt strftime string_agg \
         substr substring sum tan tanh time timediff total trim trunc typeof unhex unicode unistr \
         unistr_quote unixepoch unlikely upper zeroblob",
    )
});

/// SQLite's keywords.
static SQLITE_KEYWORDS: Words = LazyLock::new(|| {
    words(
        "ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE \
         BEGIN BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT \
         CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT \
         DEFERRABLE DEFERRED DELETE DESC DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT \
         EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FILTER FIRST FOLLOWING FOR FOREIGN FROM FULL \
         GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX INDEXED INITIALLY INNER \
         INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH MATERIALIZED \
         NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER \
         PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP \
         REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT \
         SELECT SET TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNION \
         UNIQUE UPDATE USING VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHIN WITHOUT",
    )
});
