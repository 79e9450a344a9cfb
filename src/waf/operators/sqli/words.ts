// What words mean to a database, as the SQL standard and the manuals of MySQL, PostgreSQL, SQL Server, Oracle and SQLite have it.

const list = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

/** Type letter of a word. Words that are not here are names. */
export const wordTypes: ReadonlyMap<string, string> = new Map([
  ...list('and or xor').map((word) => [word, '&'] as const),
  ...list(
    'like rlike regexp ilike similar glob in is between div mod sounds not match against collate escape overlaps',
  ).map((word) => [word, 'o'] as const),
  ...list('select').map((word) => [word, 'E'] as const),
  ...list('union intersect except minus').map((word) => [word, 'U'] as const),
  ...list('from').map((word) => [word, 'F'] as const),
  ...list('having limit offset procedure').map((word) => [word, 'B'] as const),
  ...list(
    // Not `as`, `on`, `for`, `by`, `all`: prose is full of them, and no form needs them.
    'where into values set using join case when then else end distinct top returning outfile dumpfile escape asc desc',
  ).map((word) => [word, 'k'] as const),
  ...list(
    'drop insert delete update create alter truncate exec execute declare waitfor shutdown grant revoke merge replace call load handler begin attach copy vacuum pragma',
  ).map((word) => [word, 'T'] as const),
  ...list('null true false unknown current_user current_date current_timestamp session_user localtime user').map(
    (word) => [word, '1'] as const,
  ),
]);

/** Functions that a query calls. */
export const functions: ReadonlySet<string> = new Set(
  list(`abs ascii avg bin bin_to_uuid cast ceil char char_length chr coalesce concat concat_ws conv convert count current_setting database date_add
    datediff decode dense_rank encode elt exp exists extract field find_in_set floor format from_base64 greatest group_concat hex if ifnull iif insert
    instr isnull json_extract json_keys json_object last_insert_id lcase least left length ln locate lower lpad ltrim make_set max md5 mid min mod now
    nullif nvl oct ord password pi position power quote rand repeat replace reverse right round row_count rpad rtrim schema sha1 sha2 sign space sqrt
    strcmp string_agg substr substring substring_index sum to_base64 to_char to_number trim ucase unhex upper user version xmltype year bit_and bit_or
    bit_xor array_agg listagg stuff charindex db_name object_id is_srvrolemember system_user suser_sname current_database pg_client_encoding
    sqlite_version typeof randomblob zeroblob quote_literal row session_user current_user name_const jsonb_build_object json_array`),
);

/** Functions that no honest value calls: they wait, read files, raise errors on purpose, run programs. */
export const dangerousFunctions: ReadonlySet<string> = new Set(
  list(`sleep benchmark pg_sleep pg_sleep_for load_file extractvalue updatexml xp_cmdshell xp_dirtree xp_fileexist xp_regread sp_executesql
    sp_oacreate sp_password openrowset opendatasource openquery lo_import lo_export pg_read_file pg_ls_dir pg_stat_file dblink dblink_connect
    load_extension writefile readfile sys_exec sys_eval sys_get user_lock.sleep dbms_lock.sleep dbms_pipe.receive_message utl_http.request
    utl_inaddr.get_host_address utl_inaddr.get_host_name ctxsys.drithsx.sn dbms_xmlgen.getxml geometrycollection polygon multipoint
    linestring multilinestring multipolygon gtid_subset gtid_subtract procedure_analyse query_to_xml database_to_xml randomblob get_lock is_free_lock`),
);
