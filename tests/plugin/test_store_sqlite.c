/* SPDX-License-Identifier: Apache-2.0 */
/* What the SQLite store keeps beyond the suite of the test kit: its file, its commits, its
 * neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <parley/testkit/store_client.h>

static const char *plugin_path;
static const char *const options[] = {"path=@/test.db", "busy_timeout=0", NULL};
static struct store_client c;

static int open_store(void **state)
{
    (void)state;
    fake_host_reset();
    memset(&c, 0, sizeof(c));
    store_open(&c, plugin_path, options);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_done(&c);
    return 0;
}

static void reopen(void)
{
    store_close(&c);
    store_open(&c, plugin_path, options);
}

static int create(const char *session_id)
{
    struct parley_store_head head = store_head(session_id, 1000);

    return store_create(&c, &head);
}

static const char *file(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", c.folder, name);
    return path;
}

static sqlite3 *open_beside(const char *name)
{
    sqlite3 *handle = NULL;

    assert_int_equal(sqlite3_open(file(name), &handle), SQLITE_OK);
    return handle;
}

static void run_sql(const char *name, const char *sql)
{
    sqlite3 *handle = open_beside(name);

    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void conversations_outlive_the_server(void **state)
{
    (void)state;
    create("sess_1");
    store_append(&c, "sess_1", 1, 1, 5);
    create("sess_2");
    store_remove(&c, "sess_2");
    reopen();
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(c.record_count, 5);
    assert_int_equal(store_read(&c, "sess_2", 0, 0), PARLEY_E_GONE);
}

/* In a child, without a clean end: what was ended before the kill must be there. */
static void write_and_die(void)
{
    store_open(&c, plugin_path, options);
    create("sess_killed");
    for (int64_t i = 0; i < 10; i++)
        store_append(&c, "sess_killed", 1, i * 3 + 1, i * 3 + 3);
    store_begin_append(&c, "sess_killed", 1, 31, 31); /* under way */
    (void)raise(SIGKILL);
}

static void a_kill_loses_nothing_that_was_ended(void **state)
{
    int status = 0;

    (void)state;
    store_close(&c);
    pid_t child = fork();
    if (child == 0)
        write_and_die();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    store_open(&c, plugin_path, options);
    assert_int_equal(store_read(&c, "sess_killed", 0, 0), PARLEY_OK);
    assert_int_equal(c.record_count, 30);
    assert_int_equal(store_append(&c, "sess_killed", 1, 30, 31), PARLEY_OK);
}

static void its_files_are_for_its_user_alone(void **state)
{
    struct stat about;

    (void)state;
    create("sess_1");
    assert_int_equal(stat(file("test.db"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(stat(file("test.db-wal"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void refuses(const char *const *with, const char *message)
{
    struct parley_error err = PARLEY_ERROR_INIT;
    struct store_client other = {0};

    memcpy(other.folder, c.folder, sizeof(other.folder));
    assert_false(store_try_open(&other, plugin_path, with, &err));
    if (strstr(err.message, message) == NULL)
        fail_msg("'%s' does not say '%s'", err.message, message);
    store_client = &c;
}

static void a_newer_schema_is_refused(void **state)
{
    (void)state;
    run_sql("newer.db", "CREATE TABLE later (x); PRAGMA user_version = 7");
    refuses((const char *const[]){"path=@/newer.db", NULL},
            "was written by a newer parley (schema 7, this one knows 1)");
}

static void a_file_of_another_program_is_refused(void **state)
{
    (void)state;
    run_sql("other.db", "CREATE TABLE contacts (name)");
    refuses((const char *const[]){"path=@/other.db", NULL}, "is a database of another program");
    FILE *text = fopen(file("notes.txt"), "w");
    assert_non_null(text);
    fprintf(text, "%4000s\n", "This is no database, but it is longer than a database's header.");
    fclose(text);
    refuses((const char *const[]){"path=@/notes.txt", NULL}, "is not an SQLite database");
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    refuses((const char *const[]){"path=:memory:", NULL}, "use the plugin store_memory");
    refuses((const char *const[]){"path=file:x?mode=memory", NULL}, "use the plugin store_memory");
    refuses((const char *const[]){"path=", NULL}, "path: is empty");
    refuses((const char *const[]){"path=@/no/such/test.db", NULL}, "/no/such: No such file");
}

static void checking_makes_no_file(void **state)
{
    struct store_client other = {0};

    (void)state;
    memcpy(other.folder, c.folder, sizeof(other.folder));
    store_open(&other, plugin_path, (const char *const[]){"path=@/new.db", NULL});
    store_close(&other);
    assert_int_not_equal(access(file("new.db"), F_OK), 0);
    store_client = &c;
}

static void appends_that_wait_share_one_commit(void **state)
{
    (void)state;
    create("sess_1");
    store_forget(&c);
    for (int64_t i = 1; i <= 100; i++)
        assert_int_equal(store_begin_append(&c, "sess_1", 1, i, i), PARLEY_OK);
    assert_int_equal(fake_host_run(), 2); /* the first alone, then all that had come meanwhile */
    assert_int_equal(c.end_count, 100);
    assert_int_equal(c.status, PARLEY_OK);
}

static void a_full_pool_is_busy_and_nothing_is_left_behind(void **state)
{
    (void)state;
    create("sess_1");
    fake_host_set_job_limit(0);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 1), PARLEY_E_BUSY);
    fake_host_set_job_limit(1);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 1), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 1);
}

static void a_pool_that_fills_up_ends_what_waits_as_busy(void **state)
{
    (void)state;
    create("sess_1");
    store_forget(&c);
    store_begin_append(&c, "sess_1", 1, 1, 1);
    store_begin_append(&c, "sess_1", 1, 2, 2);
    fake_host_set_job_limit(0);
    fake_host_run();
    assert_int_equal(c.end_count, 2);
    assert_int_equal(c.status, PARLEY_E_BUSY);
}

static void a_stopping_pool_cancels_what_waits(void **state)
{
    (void)state;
    create("sess_1");
    store_forget(&c);
    store_begin_append(&c, "sess_1", 1, 1, 1);
    fake_host_drop_jobs();
    assert_int_equal(c.end_count, 1);
    assert_int_equal(c.status, PARLEY_E_CANCELLED);
}

static void the_queue_is_limited(void **state)
{
    int status = PARLEY_OK;
    size_t count = 0;

    (void)state;
    create("sess_1");
    store_forget(&c);
    for (; status == PARLEY_OK && count < 10000; count++)
        status = store_begin_append(&c, "sess_1", 1, (int64_t)count + 1, (int64_t)count + 1);
    assert_int_equal(status, PARLEY_E_BUSY);
    fake_host_run();
    assert_int_equal(c.end_count, count - 1);
    assert_int_equal(c.status, PARLEY_OK);
}

static void what_was_accepted_is_written_though_the_worker_stops(void **state)
{
    (void)state;
    create("sess_1");
    store_forget(&c);
    store_begin_append(&c, "sess_1", 1, 1, 1);
    store_begin_append(&c, "sess_1", 1, 2, 2);
    reopen();
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 2);
}

static void a_locked_file_is_busy_and_works_again_later(void **state)
{
    (void)state;
    create("sess_1");
    sqlite3 *handle = open_beside("test.db");
    assert_int_equal(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 1), PARLEY_E_BUSY);
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    sqlite3_close(handle);
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 1), PARLEY_OK);
}

/* --- A disk in trouble --------------------------------------------------------------------------
 */

/* SQLite's own way to the disk, with writes that fail when the test says so. */
static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    sqlite3_io_methods methods[2]; /* of the file, and of its log */
    int (*write)(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset);
    int code;      /* of every write; 0: they work */
    int countdown; /* writes that still work */
} disk;

static int disk_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    if (disk.code != 0 && disk.countdown-- <= 0)
        return disk.code;
    return disk.write(file, data, len, offset);
}

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                     int *ret_flags)
{
    (void)vfs;
    int code = disk.real->xOpen(disk.real, name, file, flags, ret_flags);
    if (code == SQLITE_OK && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
        sqlite3_io_methods *methods = &disk.methods[(flags & SQLITE_OPEN_WAL) != 0];
        *methods = *file->pMethods;
        disk.write = methods->xWrite;
        methods->xWrite = disk_write;
        file->pMethods = methods;
    }
    return code;
}

static void use_disk(void)
{
    if (disk.real == NULL) {
        disk.real = sqlite3_vfs_find(NULL);
        disk.vfs = *disk.real;
        disk.vfs.zName = "disk";
        disk.vfs.xOpen = disk_open;
        assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
    }
    reopen();
}

static void leave_disk(void)
{
    disk.code = 0;
    assert_int_equal(sqlite3_vfs_unregister(&disk.vfs), SQLITE_OK);
    disk.real = NULL;
}

static void a_full_disk_is_told_and_loses_nothing_that_was_ended(void **state)
{
    (void)state;
    use_disk();
    create("sess_1");
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 3), PARLEY_OK);
    disk.code = SQLITE_FULL;
    assert_int_equal(store_append(&c, "sess_1", 1, 4, 4), PARLEY_E_UNAVAILABLE);
    assert_non_null(strstr(c.message, "test.db"));
    assert_non_null(strstr(c.message, "disk is full; make room on its file system"));
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
    assert_int_equal(c.record_count, 3);
    disk.code = 0; /* somebody has made room */
    assert_int_equal(store_append(&c, "sess_1", 1, 4, 5), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 5);
    leave_disk();
}

static void a_disk_that_fills_up_in_the_middle_of_a_commit_keeps_none_of_it(void **state)
{
    (void)state;
    use_disk();
    create("sess_1");
    for (int works = 0; works < 12; works++) {
        store_forget(&c);
        disk.code = SQLITE_FULL;
        disk.countdown = works;
        for (int64_t i = 1; i <= 20; i++)
            assert_int_equal(store_begin_append(&c, "sess_1", 1, i, i), PARLEY_OK);
        fake_host_run();
        size_t kept = c.end_count - c.fail_count;
        disk.code = 0;
        assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_OK);
        assert_int_equal(c.record_count, kept);
        store_remove(&c, "sess_1");
        create("sess_1");
    }
    leave_disk();
}

/* Bytes of the middle of the file, as a failing disk leaves them. */
static void damage(const char *name)
{
    char noise[8192];
    FILE *f = fopen(file(name), "r+");

    assert_non_null(f);
    memset(noise, 0xa5, sizeof(noise));
    assert_int_equal(fseek(f, 4096, SEEK_SET), 0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(fwrite(noise, sizeof(noise), 1, f), 1);
    fclose(f);
}

static void a_damaged_file_is_told_with_the_way_out(void **state)
{
    (void)state;
    create("sess_1");
    for (int64_t i = 0; i < 100; i++)
        store_append(&c, "sess_1", 1, i * 100 + 1, i * 100 + 100);
    store_close(&c);
    damage("test.db");
    store_open(&c, plugin_path, options); /* its head is whole */
    assert_int_equal(store_read(&c, "sess_1", 0, 0), PARLEY_E_UNAVAILABLE);
    assert_non_null(strstr(c.message, "test.db"));
    assert_non_null(strstr(c.message, "the file is damaged: put a backup in its place"));
    assert_int_equal(store_append(&c, "sess_1", 1, 1, 1), PARLEY_E_UNAVAILABLE);
    assert_int_equal(c.record_count, 0);
}

/* As during a reload, when the new generation opens the file before the old one lets go of it. */
static void two_instances_can_use_one_file(void **state)
{
    struct store_client other = {0};

    (void)state;
    create("sess_1");
    memcpy(other.folder, c.folder, sizeof(other.folder));
    store_open(&other, plugin_path, options);
    assert_int_equal(store_append(&other, "sess_1", 1, 1, 1), PARLEY_OK);
    assert_int_equal(store_append(&c, "sess_1", 1, 2, 2), PARLEY_OK);
    store_close(&other);
    assert_int_equal(store_append(&c, "sess_1", 1, 3, 3), PARLEY_OK);
    store_read(&c, "sess_1", 0, 0);
    assert_int_equal(c.record_count, 3);
}

#define STORE(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        STORE(conversations_outlive_the_server),
        STORE(a_kill_loses_nothing_that_was_ended),
        STORE(its_files_are_for_its_user_alone),
        STORE(a_newer_schema_is_refused),
        STORE(a_file_of_another_program_is_refused),
        STORE(what_is_no_file_is_refused),
        STORE(checking_makes_no_file),
        STORE(appends_that_wait_share_one_commit),
        STORE(a_full_pool_is_busy_and_nothing_is_left_behind),
        STORE(a_pool_that_fills_up_ends_what_waits_as_busy),
        STORE(a_stopping_pool_cancels_what_waits),
        STORE(the_queue_is_limited),
        STORE(what_was_accepted_is_written_though_the_worker_stops),
        STORE(a_locked_file_is_busy_and_works_again_later),
        STORE(a_full_disk_is_told_and_loses_nothing_that_was_ended),
        STORE(a_disk_that_fills_up_in_the_middle_of_a_commit_keeps_none_of_it),
        STORE(a_damaged_file_is_told_with_the_way_out),
        STORE(two_instances_can_use_one_file),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    plugin_path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
