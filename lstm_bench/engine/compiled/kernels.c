/* Forward and backward passes through time of the members of an RNN, a GRU or an LSTM, one after another, on one thread.
 *
 * Compiled with -Dreal=float or -Dreal=double. The equations are in kernels/rnn.py, gru.py and lstm.py, the reasons for
 * this design and its timings in build.py.
 *
 * H units, G gates, D inputs. P is H rounded up to whole vectors: units H .. P-1 have zero weights, so their gradients
 * stay exactly 0 and no loop over units needs a remainder, except where h stands next to x. Sizes of a row:
 *   width   P
 *   row     of [h_{t-1} (H), x_t (D), 1, padding]
 *   K       H + D + 1, what a row holds
 */
#include "vectors.h"
#include "products.h"
#include "nonlinearities.h"
#include "population.h"
#include "readout.h"
#include "machine_limit.h"

/* ---- RNN: G = 1; variant: the nonlinearity is relu ---------------------------------------------------------------- */

INLINE vec phi(long relu, vec x) {
    if (relu) return choose(x <= all(0), all(0), x);
    return tanh_of(x);
}

INLINE vec before_phi(long relu, vec y, vec gradient) {
    if (relu) return choose(y <= all(0), all(0), gradient);
    return gradient * tanh_slope(y);
}

static void rnn_forward_of(const population *p, member m) {
    pack_gate(&m, 0, 0, m.P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *h = xh + m.B * m.ld, *pre = p->d_pre;
        place_inputs(p, &m, t);
        product(m.B, m.P, m.K, xh, m.ld, p->panels, pre, m.P);
        for (long b = 0; b < m.B; b++)
            for (long j = 0; j < m.P; j += LANES)
                store(h + b * m.ld + j, m.H - j, phi(p->variant, AT(pre + b * m.P + j)));
    }
}

static void rnn_backward_of(const population *p, member m) {
    pack_back(&m, m.H, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * m.B * m.P;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(m.B * m.P, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *h = m.xh + ((t + 1) * m.B + b) * m.ld;
                for (long j = 0; j < m.P; j += LANES)
                    AT(pre + b * m.P + j) = before_phi(p->variant, AT(h + j), AT(m.dh + b * m.P + j));
            }
            product(m.B, m.P, m.H, pre, m.P, p->panels, m.dh, m.P);
        }
        weight_gradients(p, &m, 0, 1, 0, start, stop);
    }
}

/* ---- LSTM: columns i, f, g, o; variant: g is left as it is, without its tanh -------------------------------------- */

INLINE vec squash(long linear, vec x) {
    if (linear) return x;
    return tanh_of(x);
}

INLINE vec before_squash(long linear, vec y, vec gradient) {
    if (linear) return gradient;
    return gradient * tanh_slope(y);
}

static void lstm_forward_of(const population *p, member m) {
    long P = m.P, BP = m.B * P;
    for (long g = 0; g < 4; g++) pack_gate(&m, g, g * P, 4 * P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *gates = m.gates + t * 4 * BP, *c = m.c + t * BP, *tanh_c = m.tanh_c + t * BP;
        place_inputs(p, &m, t);
        product(m.B, 4 * P, m.K, xh, m.ld, p->panels, gates, 4 * P);
        for (long b = 0; b < m.B; b++) {
            real *i = gates + b * 4 * P, *f = i + P, *g = f + P, *o = g + P, *h = xh + (m.B + b) * m.ld;
            for (long j = 0; j < P; j += LANES) {
                vec input = logistic(AT(i + j)), forget = logistic(AT(f + j)), candidate = squash(p->variant, AT(g + j));
                vec output = logistic(AT(o + j)), cell = forget * AT(c + b * P + j) + input * candidate;
                vec squashed = tanh_of(cell);
                AT(i + j) = input, AT(f + j) = forget, AT(g + j) = candidate, AT(o + j) = output;
                AT(c + BP + b * P + j) = cell, AT(tanh_c + b * P + j) = squashed;
                store(h + j, m.H - j, output * squashed);
            }
        }
    }
}

static void lstm_backward_of(const population *p, member m) {
    long P = m.P, BP = m.B * P, rows = 3 * P + m.H;
    pack_back(&m, rows, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * 4 * BP;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(BP, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *i = m.gates + (t * m.B + b) * 4 * P, *f = i + P, *g = f + P, *o = g + P;
                real *pi = pre + b * 4 * P, *pf = pi + P, *pg = pf + P, *po = pg + P;
                real *before = m.c + (t * m.B + b) * P, *squashed = m.tanh_c + (t * m.B + b) * P;
                for (long j = 0; j < P; j += LANES) {
                    vec input = AT(i + j), forget = AT(f + j), candidate = AT(g + j), output = AT(o + j);
                    vec th = AT(squashed + j), arriving = AT(m.dh + b * P + j);
                    vec total = AT(m.dc + b * P + j) + arriving * output * tanh_slope(th);
                    AT(pi + j) = total * candidate * logistic_slope(input);
                    AT(pf + j) = total * AT(before + j) * logistic_slope(forget);
                    AT(pg + j) = before_squash(p->variant, candidate, total * input);
                    AT(po + j) = arriving * th * logistic_slope(output);
                    AT(m.dc + b * P + j) = total;
                }
            }
            if (m.norms_c) m.norms_c[t] = norm_of(BP, m.dc);
            for (long b = 0; b < m.B; b++)
                for (long j = 0; j < P; j += LANES) AT(m.dc + b * P + j) *= AT(m.gates + (t * m.B + b) * 4 * P + P + j);
            product(m.B, P, rows, pre, 4 * P, p->panels, m.dh, P);
        }
        for (long g = 0; g < 4; g++) weight_gradients(p, &m, g, 4, 0, start, stop);
    }
}

/* ---- GRU: columns r, z, m = W_hn h + b_hn, and n: W_in x + b_in before the nonlinearity, n itself after it --------- */

static void gru_forward_of(const population *p, member m) {
    long P = m.P;
    real *input_panels = p->panels + m.K * 3 * P;
    for (long g = 0; g < 2; g++) pack_gate(&m, g, g * P, 3 * P, 1, m.w_h, m.w_x, m.b_h, m.b_x, p->panels);
    pack_gate(&m, 2, 2 * P, 3 * P, 1, m.w_h, NULL, m.b_h, NULL, p->panels);
    pack_gate(&m, 2, 0, P, 0, NULL, m.w_x, NULL, m.b_x, input_panels);
    for (long t = 0; t < m.T; t++) {
        real *xh = m.xh + t * m.B * m.ld, *gates = m.gates + t * m.B * 4 * P;
        place_inputs(p, &m, t);
        product(m.B, 3 * P, m.K, xh, m.ld, p->panels, gates, 4 * P);
        product(m.B, P, m.D + 1, xh + m.H, m.ld, input_panels, gates + 3 * P, 4 * P);
        for (long b = 0; b < m.B; b++) {
            real *r = gates + b * 4 * P, *z = r + P, *from_h = z + P, *n = from_h + P, *h = xh + b * m.ld;
            for (long j = 0; j < P; j += LANES) {
                vec reset = logistic(AT(r + j)), update = logistic(AT(z + j));
                vec candidate = tanh_of(AT(n + j) + reset * AT(from_h + j));
                AT(r + j) = reset, AT(z + j) = update, AT(n + j) = candidate;
                store(h + m.B * m.ld + j, m.H - j, candidate + update * (AT(h + j) - candidate));
            }
        }
    }
}

static void gru_backward_of(const population *p, member m) {
    long P = m.P, rows = 2 * P + m.H;
    pack_back(&m, rows, p->panels);
    for (long stop = m.T; stop > 0; stop -= CHUNK) {
        long start = stop > CHUNK ? stop - CHUNK : 0;
        for (long t = stop - 1; t >= start; t--) {
            real *pre = p->d_pre + (t - start) * m.B * 4 * P;
            add_loss_share(p, &m, t);
            if (m.norms_h) m.norms_h[t] = norm_of(m.B * P, m.dh);
            for (long b = 0; b < m.B; b++) {
                real *r = m.gates + (t * m.B + b) * 4 * P, *z = r + P, *from_h = z + P, *n = from_h + P;
                real *pr = pre + b * 4 * P, *pz = pr + P, *pm = pz + P, *pn = pm + P;
                real *h = m.xh + (t * m.B + b) * m.ld, *arriving = m.dh + b * P;
                for (long j = 0; j < P; j += LANES) {
                    vec reset = AT(r + j), update = AT(z + j), candidate = AT(n + j), total = AT(arriving + j);
                    vec d_candidate = total * (all(1) - update) * tanh_slope(candidate);
                    AT(pr + j) = d_candidate * AT(from_h + j) * logistic_slope(reset);
                    AT(pz + j) = total * (AT(h + j) - candidate) * logistic_slope(update);
                    AT(pm + j) = d_candidate * reset;
                    AT(pn + j) = d_candidate;
                    AT(arriving + j) = total * update;
                }
            }
            add_product(m.B, P, rows, pre, 4 * P, p->panels, m.dh, P);
        }
        for (long g = 0; g < 3; g++) weight_gradients(p, &m, g, 4, 0, start, stop);
        weight_gradients(p, &m, 3, 4, m.H, start, stop);
    }
}

/* ---- one call for all members ------------------------------------------------------------------------------------- */

/* A whole training step goes member by member, so that the states of a member are still in the cache on the way back. */
#define PASSES(cell, tape_gates, gradient_gates)                                                            \
    void cell##_forward(const population *p) {                                                              \
        for (long m = 0; m < p->members; m++) cell##_forward_of(p, of(p, m, tape_gates, gradient_gates));   \
    }                                                                                                       \
    void cell##_backward(const population *p) {                                                             \
        for (long m = 0; m < p->members; m++) cell##_backward_of(p, of(p, m, tape_gates, gradient_gates));  \
    }                                                                                                       \
    void cell##_step(const population *p, const readout *r) {                                               \
        for (long m = 0; m < p->members; m++) {                                                             \
            cell##_forward_of(p, of(p, m, tape_gates, gradient_gates));                                     \
            readout_gradients_of(r, m);                                                                     \
            cell##_backward_of(p, of(p, m, tape_gates, gradient_gates));                                    \
        }                                                                                                   \
    }
PASSES(rnn, 0, 1)
PASSES(lstm, 4, 4)
PASSES(gru, 4, 4)
