/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Role parley.realtime/1: a model that speaks OpenAI Realtime events both ways, such as OpenAI's
 * own service. The plugin carries events between the host and its peer; it need not understand
 * them.
 *
 * A session's life:
 *
 *     open() accepted -> on_open once -> on_event ... -> on_closed exactly once
 *                    \-> on_closed (refused, with the reason)
 *
 * close() may come at any time after open(); on_closed still follows, with PARLEY_OK. Events are GA
 * dialect: a peer that speaks another dialect is translated by the plugin.
 */
#ifndef PARLEY_MODEL_H
#define PARLEY_MODEL_H

#include <parley/error.h>
#include <parley/host.h>
#include <parley/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARLEY_ROLE_MODEL "parley.realtime/1"

/* Capabilities, for struct parley_model_caps.flags. */
#define PARLEY_CAP_TRUNCATE      (1u << 0)  /* conversation.item.truncate */
#define PARLEY_CAP_CANCEL        (1u << 1)  /* response.cancel */
#define PARLEY_CAP_SERVER_VAD    (1u << 2)  /* turn_detection server_vad */
#define PARLEY_CAP_SEMANTIC_VAD  (1u << 3)  /* turn_detection semantic_vad */
#define PARLEY_CAP_IMAGES        (1u << 4)  /* input_image parts */
#define PARLEY_CAP_TOOLS         (1u << 5)  /* function tools */
#define PARLEY_CAP_TRANSCRIPTION (1u << 6)  /* input audio transcription */
#define PARLEY_CAP_TEXT_OUTPUT   (1u << 7)  /* output_modalities ["text"] */
#define PARLEY_CAP_AUDIO_OUTPUT  (1u << 8)  /* output_modalities ["audio"] */
#define PARLEY_CAP_AUDIO_INPUT   (1u << 9)  /* input_audio_buffer.* */
#define PARLEY_CAP_OUT_OF_BAND   (1u << 10) /* conversation "none" */
#define PARLEY_CAP_ITEM_RETRIEVE (1u << 11) /* conversation.item.retrieve */
#define PARLEY_CAP_PASSTHROUGH   (1u << 12) /* unknown events reach the peer */
#define PARLEY_CAP_TOOL_HINTS    (1u << 13) /* function tools may carry MCP's "annotations" */

/* Audio formats, for the masks below. */
#define PARLEY_AUDIO_PCM_24K (1u << 0) /* audio/pcm, 24,000 Hz */
#define PARLEY_AUDIO_PCMU    (1u << 1) /* audio/pcmu */
#define PARLEY_AUDIO_PCMA    (1u << 2) /* audio/pcma */

struct parley_model_caps {
    uint32_t size;
    uint32_t flags;           /* PARLEY_CAP_... */
    uint32_t input_formats;   /* PARLEY_AUDIO_... */
    uint32_t output_formats;  /* PARLEY_AUDIO_... */
    int64_t session_limit_ms; /* longest session of the peer; 0: none known */
    int64_t max_event_bytes;  /* largest event the peer takes; 0: none known */
    uint32_t max_id_chars;    /* longest item id and call_id the peer takes; 0: no limit */
    uint32_t reserved;
};

/* Bits of `flags` beside an event's bytes. */
#define PARLEY_EVENT_ROOM                                                                          \
    1u /* PARLEY_EVENT_ROOM_BYTES before the data may be overwritten by the receiver,              \
          and the data itself may be changed in place: lets a frame be sent without a copy */
#define PARLEY_EVENT_ROOM_BYTES 32

/* Why a session ended. */
struct parley_model_closed {
    uint32_t size;
    int32_t status;     /* PARLEY_OK after close() or an orderly end; else PARLEY_E_... */
    int32_t close_code; /* the peer's WebSocket close code or HTTP status, 0 when there was none */
    uint32_t retryable; /* 1: another attempt, or another model, may work; 0: it will fail again */
    int64_t retry_after_ms; /* when the peer said so */
    const char *code;       /* the peer's error code ("invalid_api_key"), or "" */
    const char *type;       /* the peer's error type ("invalid_request_error"), or "" */
    const char *message;    /* safe to show to a client: no key, no part of one */
};

/*
 * Host functions that the plugin calls. [worker]. What is called inside one of the plugin's own
 * callbacks is kept as a copy and told on the loop's next turn, so it costs more; what is called
 * before on_open or after on_closed is dropped and counted. The host may call send, pause and close
 * from inside on_open, on_event and on_writable; the session stays valid.
 */
struct parley_model_host {
    uint32_t size;
    uint32_t reserved;

    /* The peer is ready: its session.created has come, and is passed here. Before any on_event. */
    void (*on_open)(void *ctx, struct parley_view session_created);

    /* One Realtime server event, complete and valid UTF-8. */
    void (*on_event)(void *ctx, struct parley_view event, uint32_t flags);

    /* After send() returned PARLEY_E_BUSY: there is room again. */
    void (*on_writable)(void *ctx);

    /* The last call about this session. */
    void (*on_closed)(void *ctx, const struct parley_model_closed *closed);
};

/* What a session is opened with. Borrowed until open() returns. */
struct parley_model_open {
    uint32_t size;
    uint32_t reserved;
    struct parley_worker *worker;
    const char *session_id;        /* parley's own, for logs */
    const char *safety_identifier; /* a stable opaque name of the end user, or "" */
    const char *traceparent;       /* W3C trace context for the peer, or "" */
    const char *agent;             /* name of the agent definition */
    struct parley_view session; /* the session the host will ask for, as JSON of session.update */
    const struct parley_model_host *host;
    void *ctx;
    const char *tracestate; /* W3C, with traceparent, or ""; since 1.1 */
};

struct parley_model_vtable {
    uint32_t size;
    uint32_t reserved;

    /* [any] What this instance can do. */
    void (*caps)(void *instance, struct parley_model_caps *caps);

    /* [worker] Begin to connect. 0: accepted, on_open or on_closed follows. */
    int (*open)(void *worker_instance, const struct parley_model_open *open, void **ret_session,
                struct parley_error *err);

    /*
     * [worker] One client event for the peer; bytes are borrowed until return. Allowed after
     * on_open. PARLEY_E_BUSY: not taken, wait for on_writable. With PARLEY_EVENT_ROOM the bytes may
     * be changed.
     */
    int (*send)(void *session, struct parley_view event, uint32_t flags, struct parley_error *err);

    /* [worker] 1: stop calling on_event until called with 0. For a client that reads too slowly. */
    void (*pause)(void *session, int paused);

    /* [worker] Ask for the end. `session` stays valid until on_closed. */
    void (*close)(void *session);
};

#ifdef __cplusplus
}
#endif

#endif
